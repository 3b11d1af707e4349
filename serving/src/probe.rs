//! Asking a program how it does, from beside it: the health check of an image that has no shell and no client.

use anyhow::{Context as _, bail};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long asking and answering may take together.
const WITHIN: Duration = Duration::from_secs(3);
/// Most bytes of an answer that are read.
const LARGEST: usize = 16 << 10;

/// Asks `GET path` of the listener at `place`, a name or an address with its port; returns the body of an answer of the
/// kind 2xx. A listener on every address is asked on loopback.
///
/// # Errors
/// Nobody listens, no answer comes in three seconds, or it has another status; the text says which.
pub async fn probe(place: &str, path: &str) -> anyhow::Result<String> {
    let place = place.parse().map_or_else(|_| place.to_owned(), |address| here(address).to_string());
    let (status, body) = tokio::time::timeout(WITHIN, asked(&place, path))
        .await
        .with_context(|| format!("{place} did not answer within {} s", WITHIN.as_secs()))?
        .with_context(|| format!("{place} cannot be asked"))?;
    if !status.is_success() {
        bail!("{place} answered {status}: {body}");
    }
    Ok(body)
}

async fn asked(place: &str, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(place).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, place).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body =
        Limited::new(answer.into_body(), LARGEST).collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}

fn here(mut listener: SocketAddr) -> SocketAddr {
    match listener {
        SocketAddr::V4(at) if at.ip().is_unspecified() => listener.set_ip([127, 0, 0, 1].into()),
        SocketAddr::V6(at) if at.ip().is_unspecified() => {
            listener.set_ip(std::net::Ipv6Addr::LOCALHOST.into())
        }
        _ => {}
    }
    listener
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A listener that answers one call with this text.
    async fn answering(text: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
        });
        place
    }

    #[tokio::test]
    async fn what_answers_well_is_well_and_all_else_is_not() {
        let place = answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await;
        assert_eq!(probe(&place.to_string(), "/health").await.unwrap(), "fine");
        let every = SocketAddr::from(([0, 0, 0, 0], answering("HTTP/1.1 204 \r\n\r\n").await.port()));
        assert_eq!(probe(&every.to_string(), "/").await.unwrap(), "");
        for (answer, told) in [
            ("HTTP/1.0 503 Away\r\n\r\ndown", "answered 503 Service Unavailable: down"),
            ("220 mail\r\n", "cannot be asked"),
            ("", "cannot be asked"),
        ] {
            let refused =
                format!("{:#}", probe(&answering(answer).await.to_string(), "/").await.unwrap_err());
            assert!(refused.contains(told), "{answer:?}: {refused}");
        }
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(
            format!("{:#}", probe(&gone.to_string(), "/").await.unwrap_err()).contains("cannot be asked")
        );
    }
}
