//! The line before TLS. Whoever sits on it can send the server's answers after STARTTLS before the handshake, and lettre, whose
//! buffer outlives the handshake, would take them for encrypted ones. So until our side begins the handshake no more is
//! handed to that buffer than one line at a time: what comes early stays on the line, and breaks the handshake.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

/// The first byte of a handshake, which no command of SMTP begins with.
const HANDSHAKE: u8 = 0x16;

/// A connection that is plain until we write a handshake.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    is_plain: bool,
}

impl Line {
    /// Connects to the first of the host's addresses that accepts within `patience`.
    pub(super) async fn connect(host: &str, port: u16, patience: Duration) -> Result<Self> {
        let mut last = Error::new(ErrorKind::NotFound, "the host has no address");
        for address in lookup_host((host, port)).await? {
            match tokio::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(Self { stream, is_plain: true }),
                Ok(Err(error)) => last = error,
                Err(_) => last = ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if !self.is_plain {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let start = buffer.filled().len();
        while buffer.remaining() > 0 {
            let mut byte = [0];
            let mut one = ReadBuf::new(&mut byte);
            match Pin::new(&mut self.stream).poll_read(context, &mut one) {
                // What is there of the line is handed on; the rest of it will wake whoever reads on.
                Poll::Pending if buffer.filled().len() > start => break,
                outcome => ready!(outcome)?,
            }
            buffer.put_slice(one.filled());
            if matches!(one.filled(), [] | [b'\n']) {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.is_plain &= bytes.first() != Some(&HANDSHAKE);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_line_at_a_time_until_the_handshake() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut line = Line::connect("127.0.0.1", port, Duration::from_secs(9)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"220 go\r\n250 early\r\n250 more").await.unwrap();
        drop(server);
        let mut buffer = [0; 100];
        assert_eq!(line.read(&mut buffer).await.unwrap(), b"220 go\r\n".len());
        line.write_all(b"EHLO x\r\n").await.unwrap();
        assert_eq!(line.read(&mut buffer[..4]).await.unwrap(), 4);
        assert_eq!(line.read(&mut buffer).await.unwrap(), b"early\r\n".len());
        // The peer has closed; whether it still takes this is not the point.
        let _either = line.write_all(&[HANDSHAKE, 3, 1]).await;
        assert!(!line.is_plain);
    }
}
