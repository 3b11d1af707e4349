//! One call: how it is written, and what came back.

use crate::error::Error;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;
use uuid::Uuid;

/// One page of a list; it can be used as what it holds. There are more when `next_cursor` is not `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What was answered.
    pub list: T,
    /// The `cursor` of the next page.
    pub next_cursor: Option<String>,
}

impl<T> Deref for Page<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.list
    }
}

/// What was answered and the version of it; it can be used as what was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged<T> {
    /// What was answered.
    pub value: T,
    /// Its `ETag`. As `if_match` of a later call it keeps that call from overwriting what somebody else has changed since.
    pub etag: Option<String>,
}

impl<T> Deref for Tagged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Names and values of a query or of headers.
#[derive(Debug, Default)]
pub(crate) struct Query(pub(crate) Vec<(&'static str, String)>);

impl Query {
    pub(crate) fn with(mut self, name: &'static str, value: Option<&impl Parameter>) -> Self {
        if let Some(value) = value {
            value.write(&mut |text| self.0.push((name, text)));
        }
        self
    }
}

/// A value that a query can hold.
pub(crate) trait Parameter {
    fn write(&self, put: &mut dyn FnMut(String));
}

impl Parameter for String {
    fn write(&self, put: &mut dyn FnMut(String)) {
        put(self.clone());
    }
}

impl Parameter for i64 {
    fn write(&self, put: &mut dyn FnMut(String)) {
        put(self.to_string());
    }
}

impl Parameter for bool {
    fn write(&self, put: &mut dyn FnMut(String)) {
        put(self.to_string());
    }
}

impl Parameter for OffsetDateTime {
    fn write(&self, put: &mut dyn FnMut(String)) {
        // Only years beyond 9999 cannot be written; the server refuses what stands there then.
        put(self.format(&Rfc3339).unwrap_or_else(|_| self.to_string()));
    }
}

/// A call before it is sent.
pub(crate) struct Call {
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    template: &'static str,
    segments: Vec<(&'static str, String)>,
    query: Query,
    pub(crate) headers: Query,
    pub(crate) key: Option<String>,
    body: Option<Result<Vec<u8>, serde_json::Error>>,
}

impl Call {
    /// `template`: the path, with `{}` for each segment.
    pub(crate) fn new(id: &'static str, method: Method, template: &'static str) -> Self {
        Self {
            id,
            method,
            template,
            segments: Vec::new(),
            query: Query::default(),
            headers: Query::default(),
            key: None,
            body: None,
        }
    }

    pub(crate) fn segment(mut self, name: &'static str, value: &str) -> Self {
        self.segments.push((name, value.to_owned()));
        self
    }

    pub(crate) fn query(self, query: Query) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn headers(self, headers: Query) -> Self {
        Self { headers, ..self }
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body));
        self
    }

    /// The call takes a key: the given one, or one that is minted here, before the first attempt.
    pub(crate) fn key(mut self, given: Option<&str>) -> Self {
        self.key = Some(given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned));
        self
    }

    /// It changes nothing or has a key, so it may be sent again after a lost answer.
    pub(crate) fn can_repeat(&self) -> bool {
        self.method == Method::GET || self.key.is_some()
    }

    /// The body in JSON.
    pub(crate) fn take_body(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let written = self.body.take().transpose();
        written.map_err(|cause| Error::invalid("the body cannot be written as JSON").because(cause))
    }

    /// The URL below `base`. A segment cannot lead elsewhere: what is special in it is escaped.
    pub(crate) fn url(&self, base: &Url) -> Result<Url, Error> {
        let mut url = base.clone();
        let mut given = self.segments.iter();
        let no_path = || Error::invalid("the base URL cannot have a path");
        let mut path = url.path_segments_mut().map_err(|()| no_path())?;
        path.pop_if_empty();
        for part in self.template.split('/').filter(|part| !part.is_empty()) {
            if part != "{}" {
                path.push(part);
                continue;
            }
            let (name, value) = given.next().ok_or_else(no_path)?;
            if matches!(value.as_str(), "" | "." | "..") {
                return Err(Error::invalid(format!("{name} cannot be `{value}`")));
            }
            path.push(value);
        }
        drop(path);
        if !self.query.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query.0);
        }
        Ok(url)
    }
}

/// A 2xx.
pub(crate) struct Answer {
    pub(crate) id: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The `Idempotency-Key` that was sent.
    pub(crate) key: Option<String>,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| {
            let message = format!("the answer of {} does not fit its schema", self.id);
            Error::unexpected(self.status, message).because(cause).with_key(self.key.clone())
        })
    }

    pub(crate) fn page<T: DeserializeOwned>(&self) -> Result<Page<T>, Error> {
        let next_cursor = self.header("x-next-cursor").filter(|cursor| !cursor.is_empty());
        Ok(Page { list: self.json()?, next_cursor: next_cursor.map(str::to_owned) })
    }

    pub(crate) fn tagged<T: DeserializeOwned>(&self) -> Result<Tagged<T>, Error> {
        Ok(Tagged { value: self.json()?, etag: self.header("etag").map(str::to_owned) })
    }

    pub(crate) fn text(self) -> Result<String, Error> {
        String::from_utf8(self.body)
            .map_err(|_| Error::unexpected(self.status, format!("the answer of {} is not UTF-8", self.id)))
    }

    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "called like the other ways of reading"
    )]
    pub(crate) fn nothing(self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
