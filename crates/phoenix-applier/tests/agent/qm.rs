//! What stands for `qm guest exec`: it speaks the agent's protocol (qemu-ga-ref(7)) and says what became of
//! the program in the form in which Proxmox VE does.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// What `qm` takes as input at most.
const INPUT: usize = 1 << 20;

/// What `qm` ends with when it fails.
const FAILED: i32 = 255;

/// What is asked of the agent.
struct Call {
    timeout: Duration,
    takes_input: bool,
    argv: Vec<String>,
}

impl Call {
    /// Reads the arguments, as strictly as `qm` does.
    fn read(words: &[String]) -> Option<Self> {
        let (head, rest) = words.split_at_checked(3)?;
        if head != ["guest", "exec", super::machine::VMID] {
            return None;
        }
        let end = rest.iter().position(|word| word == "--")?;
        let mut call = Self {
            timeout: Duration::from_secs(30),
            takes_input: false,
            argv: rest[end + 1..].to_vec(),
        };
        for pair in rest[..end].chunks(2) {
            match pair {
                [name, value] if name == "--timeout" => {
                    call.timeout = Duration::from_secs(value.parse().ok()?);
                }
                [name, value] if name == "--pass-stdin" => call.takes_input = value == "1",
                _ => return None,
            }
        }
        Some(call)
    }
}

/// Does nothing, unless this is `qm`.
#[test]
fn stand_in() {
    let Some(work) = std::env::var_os("PHOENIX_TEST_QM").map(PathBuf::from) else { return };
    let words = fs::read_to_string(work.join("arguments")).unwrap();
    let language = fs::read_to_string(work.join("language")).unwrap();
    let words = words.split_terminator('\0').map(|word| heard(word, &language));
    let words = words.collect::<Vec<_>>();
    let socket = work.parent().unwrap().join("agent.socket");
    let (output, errors, code) = match Call::read(&words) {
        None => (String::new(), "400 wrong arguments\n".to_owned(), FAILED),
        Some(call) => match exec(&call, &socket) {
            Ok(said) => (said, String::new(), 0),
            Err(why) => (String::new(), format!("{why}\n"), FAILED),
        },
    };
    fs::write(work.join("output"), output).unwrap();
    fs::write(work.join("errors"), errors).unwrap();
    fs::write(work.join("code"), format!("{code}\n")).unwrap();
}

/// Returns an argument as `qm` reads it, which goes by its locale.
fn heard(word: &str, language: &str) -> String {
    if language.ends_with("UTF-8") {
        return word.to_owned();
    }
    word.chars().map(|c| if c.is_ascii() { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn exec(call: &Call, socket: &Path) -> Result<String, String> {
    let mut input = Vec::new();
    if call.takes_input {
        io::stdin().read_to_end(&mut input).unwrap();
        if input.len() > INPUT {
            return Err("too much input".to_owned());
        }
    }
    let mut agent = Agent::open(socket).ok_or("QEMU guest agent is not running")?;
    let [path, rest @ ..] = call.argv.as_slice() else { return Err("no program".to_owned()) };
    let mut arguments = json!({ "path": path, "arg": rest, "capture-output": true });
    if call.takes_input {
        arguments["input-data"] = Value::from(encoded(&input));
    }
    let started = agent.ask("guest-exec", &arguments)?;
    let end = Instant::now() + call.timeout;
    while Instant::now() < end {
        let status = agent.ask("guest-exec-status", &json!({ "pid": started["pid"] }))?;
        if status["exited"] == true {
            return Ok(printed(status.as_object().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(printed(started.as_object().unwrap()))
}

/// Returns what is printed: truth as numbers, and each byte of a text as a character, encoded as UTF-8.
fn printed(status: &Map<String, Value>) -> String {
    let value = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Bool(is) => json!(u8::from(*is)),
            Value::String(text) if name.ends_with("-data") => {
                Value::from(decoded(text).into_iter().map(char::from).collect::<String>())
            }
            other => other.clone(),
        };
        (name.clone(), value)
    };
    let report = status.iter().map(value).collect::<Map<_, _>>();
    serde_json::to_string_pretty(&report).unwrap() + "\n"
}

/// A connection to the agent.
struct Agent {
    lines: BufReader<UnixStream>,
}

impl Agent {
    fn open(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Some(Self { lines: BufReader::new(stream) })
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string() + "\n";
        self.lines.get_mut().write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        let mut answer = String::new();
        self.lines.read_line(&mut answer).map_err(|error| error.to_string())?;
        let answer = serde_json::from_str::<Value>(&answer).map_err(|error| error.to_string())?;
        match answer["error"]["desc"].as_str() {
            Some(why) => Err(format!("Agent error: {why}")),
            None => Ok(answer["return"].clone()),
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for four in text.trim_end().trim_end_matches('=').as_bytes().chunks(4) {
        let value = |digit: &u8| DIGITS.iter().position(|known| known == digit).unwrap();
        let bits = four.iter().fold(0_usize, |bits, digit| bits << 6 | value(digit));
        let bits = bits << (6 * (4 - four.len()));
        for place in 0..four.len() - 1 {
            bytes.push(u8::try_from(bits >> (16 - 8 * place) & 255).unwrap());
        }
    }
    bytes
}
