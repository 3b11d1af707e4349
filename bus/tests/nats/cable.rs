//! A connection to the server that a test can cut.

use std::sync::{Arc, Mutex};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Passes bytes on in both directions. New connections are accepted after a cut, too.
pub(crate) struct Cable {
    port: u16,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Cable {
    pub(crate) async fn to(server: &str) -> Self {
        let server = server.trim_start_matches("nats://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let all = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&server).await.unwrap();
                let connection = tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
                all.lock().unwrap().push(connection.abort_handle());
            }
        });
        Self { port, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Breaks all connections.
    pub(crate) fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}
