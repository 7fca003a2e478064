//! A tape of random numbers: the simplest case is the one of zeros, so that proptest shrinks to it.

/// Deals numbers from a tape; when the tape is at its end, zeros.
pub(crate) struct Choices {
    tape: std::vec::IntoIter<u8>,
}

impl Choices {
    pub(crate) fn new(tape: Vec<u8>) -> Self {
        Self { tape: tape.into_iter() }
    }

    /// Returns one of the options; the first is the simplest.
    pub(crate) fn of<T: Clone>(&mut self, options: &[T]) -> T {
        let number = usize::from(self.tape.next().unwrap_or_default());
        options[number % options.len()].clone()
    }

    /// Returns the options that are taken, mostly none, in their order.
    pub(crate) fn some<T: Clone>(&mut self, options: &[T]) -> Vec<T> {
        options.iter().filter(|_| self.of(&[false, false, true])).cloned().collect()
    }
}
