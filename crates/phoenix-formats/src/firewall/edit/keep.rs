//! Which of the present lines can stay when the content of a section is replaced.

use std::collections::{BTreeMap, VecDeque};

use super::super::address::{Span, cidr_span, parse_cidr};
use super::super::file::IpsetEntry;
use super::super::scope::Reference;
use super::super::text::truthy;

/// Returns for each desired line the present one that it is, in rising order and as many as possible.
///
/// Equal lines are paired first with first, second with second, so this is the longest such choice unless lines repeat.
pub(super) fn keep<K: Ord>(present: &[K], desired: &[K]) -> Vec<Option<usize>> {
    let mut places: BTreeMap<&K, VecDeque<usize>> = BTreeMap::new();
    for (index, key) in present.iter().enumerate() {
        places.entry(key).or_default().push_back(index);
    }
    let candidates: Vec<_> =
        desired.iter().map(|key| places.get_mut(key).and_then(VecDeque::pop_front)).collect();
    let mut kept = vec![None; desired.len()];
    for index in longest_rise(&candidates) {
        kept[index] = candidates[index];
    }
    kept
}

/// Returns where the longest strictly rising choice of numbers stands, from the back.
fn longest_rise(numbers: &[Option<usize>]) -> Vec<usize> {
    // For each length, where the choice of that length ends that has the smallest last number.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; numbers.len()];
    for (index, number) in numbers.iter().enumerate().filter(|(_, number)| number.is_some()) {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        ends.truncate(ends.len().max(length + 1));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    std::iter::successors(ends.last().copied(), |index| before[*index]).collect()
}

/// Returns for each new line where the next present one stands that is kept.
pub(super) fn gap_ends(kept: &[Option<usize>], present: usize) -> Vec<usize> {
    let mut ends: Vec<_> = kept
        .iter()
        .rev()
        .scan(present, |end, kept| {
            *end = kept.unwrap_or(*end);
            Some(*end)
        })
        .collect();
    ends.reverse();
    ends
}

/// Returns the comment that PVE would save.
fn shown(comment: Option<&str>) -> &str {
    comment.map(str::trim).filter(|text| truthy(text)).unwrap_or_default()
}

/// Tells whether a line may keep its comment: that which is asked for, or any when none is.
pub(super) fn keeps_comment(present: Option<&str>, asked: Option<&str>) -> bool {
    asked.is_none() || shown(present) == shown(asked)
}

/// Tells whether a comment fits on one line.
pub(super) fn is_line(comment: Option<&str>) -> bool {
    comment.is_none_or(|text| !text.contains('\n'))
}

/// Tells whether PVE could read the entry of a set.
pub(super) fn is_entry(entry: &IpsetEntry) -> bool {
    let good = |cidr: &str| parse_cidr(cidr).is_some() || Reference::alias(cidr).is_some();
    entry.cidr.as_deref().is_some_and(good) && is_line(entry.comment.as_deref())
}

/// Returns what two entries share that hold the same: the addresses, or the name of an alias in lower case.
pub(super) fn address_key(text: &str) -> (Option<Span>, String) {
    let span = cidr_span(text).filter(|_| parse_cidr(text).is_some());
    (span, if span.is_some() { String::new() } else { text.to_ascii_lowercase() })
}
