//! Calls at a fixed pace, whatever the server does: each is timed from the moment at which it was due, so that a server that
//! hangs is charged for the calls that waited meanwhile.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};

/// Posts `body` to `path` so many times a second in all, by connections that take turns. Returns the milliseconds that each took.
#[expect(clippy::disallowed_methods, reason = "a load is given by the machine's own time")]
pub(super) fn call(
    address: &str,
    path: &str,
    body: &str,
    per_second: f64,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Vec<f64>> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let start = Instant::now() + Duration::from_millis(100);
    let interval = Duration::from_secs_f64(f64::from(connections) / per_second);
    let outcomes: Vec<anyhow::Result<Vec<f64>>> = thread::scope(|scope| {
        let one = |number: u32| {
            let schedule = Schedule { start: start + interval * number / connections, interval, seconds };
            let request = request.as_bytes();
            scope.spawn(move || schedule.keep(address, request))
        };
        let threads: Vec<_> = (0..connections).map(one).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a connection panicked"))))
            .collect()
    });
    let mut latencies = Vec::new();
    for outcome in outcomes {
        latencies.extend(outcome?);
    }
    Ok(latencies)
}

/// When one connection's calls are due.
struct Schedule {
    start: Instant,
    interval: Duration,
    seconds: u32,
}

impl Schedule {
    #[expect(clippy::disallowed_methods, reason = "a call is made when it is due, by the machine's own time")]
    fn keep(&self, address: &str, request: &[u8]) -> anyhow::Result<Vec<f64>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut answers = BufReader::new(stream.try_clone()?);
        let mut latencies = Vec::new();
        let mut due = self.start;
        while due < self.start + Duration::from_secs(self.seconds.into()) {
            // Nothing where it is late already.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.write_all(request)?;
            read_answer(&mut answers)?;
            latencies.push(due.elapsed().as_secs_f64() * 1e3);
            due += self.interval;
        }
        Ok(latencies)
    }
}

/// Reads a whole answer, which must be a success and say how long it is.
fn read_answer(answers: &mut impl BufRead) -> anyhow::Result<()> {
    let mut status = String::new();
    answers.read_line(&mut status)?;
    ensure!(status.starts_with("HTTP/1.1 2"), "answered {status:?}");
    let mut length = None;
    loop {
        let mut line = String::new();
        ensure!(answers.read_line(&mut line)? > 0, "an answer that ends in its head");
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = Some(value.trim().parse()?),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length.context("the length of an answer")?];
    Ok(answers.read_exact(&mut body)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_a_refusal_is_an_error() {
        let mut two =
            &b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..];
        read_answer(&mut two).unwrap();
        read_answer(&mut two).unwrap();
        assert!(two.is_empty());
        for wrong in [
            "",
            "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
        ] {
            assert!(read_answer(&mut wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the schedule begins before the machine's own time")]
    fn calls_that_were_due_long_ago_are_charged_for_the_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4];
            let mut answered = 0;
            while stream.read_exact(&mut request).is_ok() {
                answered += 1;
                stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
            answered
        });
        let Some(start) = Instant::now().checked_sub(Duration::from_secs(2)) else { return };
        let schedule = Schedule { start, interval: Duration::from_millis(100), seconds: 1 };
        let latencies = schedule.keep(&address, b"call").unwrap();
        assert_eq!((latencies.len(), server.join().unwrap()), (10, 10));
        for (late, due) in latencies.iter().zip((0..10).map(|number| 100.0 * f64::from(number))) {
            assert!(*late >= 2000.0 - due, "{latencies:?}");
        }
    }
}
