//! Captures what is logged on the thread of the test.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log lines of a future, at every level and of every crate. The test must run on one thread.
pub(crate) async fn of<T>(run: impl Future<Output = T>) -> (T, String) {
    // If a thread without a subscriber were the first to reach a log line, tracing would disable that line for all threads.
    static EVERYWHERE: Once = Once::new();
    EVERYWHERE.call_once(|| tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap());
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(written.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let outcome = run.await;
    drop(guard);
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (outcome, text)
}

#[tokio::test]
async fn what_another_thread_said_first_is_seen_too() {
    fn speak() {
        tracing::warn!("spoken");
    }
    let ((), logged) = of(async {
        std::thread::spawn(speak).join().unwrap();
        speak();
    })
    .await;
    assert!(logged.contains("spoken"), "{logged}");
}
