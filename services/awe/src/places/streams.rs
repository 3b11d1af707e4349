//! Places of streams. A stream may be open for hours, so they are counted apart from those of requests.

use crate::config::Server;
use crate::error::{ApiError, Reason};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many streams are open, in total and by caller.
#[derive(Debug)]
pub(super) struct Streams {
    most: usize,
    each: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    callers: HashMap<String, usize>,
}

/// The place of one stream, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    streams: Arc<Streams>,
    caller: String,
}

impl Streams {
    pub(super) fn new(server: &Server) -> Self {
        // Each stream keeps a connection, and others need some too.
        let half = (serving::files::connections(server.max_connections) / 2).max(1);
        Self {
            most: server.max_streams.min(half),
            each: server.max_streams_per_caller,
            open: Mutex::default(),
        }
    }

    pub(super) fn take(self: &Arc<Self>, caller: &str) -> Result<StreamPlace, ApiError> {
        let mut open = self.open.lock();
        if open.callers.get(caller).is_some_and(|count| *count >= self.each) {
            return Err(Reason::TooManyRequests.into());
        }
        if open.all >= self.most {
            return Err(Reason::TooManyStreams.into());
        }
        open.all += 1;
        *open.callers.entry(caller.to_owned()).or_default() += 1;
        Ok(StreamPlace { streams: Arc::clone(self), caller: caller.to_owned() })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        open.all -= 1;
        if let Some(count) = open.callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_share_of_the_streams_and_each_place_comes_back() {
        let server = crate::config::load_from(None, Vec::new()).unwrap().server;
        let server = Server { max_streams: 3, max_streams_per_caller: 2, ..server };
        let streams = Arc::new(Streams::new(&server));
        let refused = |caller| streams.take(caller).map(drop).unwrap_err().reason();
        let held = [streams.take("ann").unwrap(), streams.take("ann").unwrap()];
        assert_eq!(refused("ann"), Reason::TooManyRequests);
        let bob = streams.take("bob").unwrap();
        assert_eq!(refused("bob"), Reason::TooManyStreams);
        drop(held);
        assert!(streams.take("ann").is_ok());
        drop(bob);
        let open = streams.open.lock();
        assert_eq!((open.all, open.callers.len()), (0, 0));
    }
}
