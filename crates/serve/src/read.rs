//! Reading a request's body into memory that is counted.

use crate::bounds::Bounds;
use crate::memory::{Pool, Share};
use crate::refusal::Refusal;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;

/// Memory that is taken for a body that does not tell its length, to begin with. Then it is doubled.
const FIRST: usize = 64 << 10;

/// A body and the memory that it lies in.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) bytes: Vec<u8>,
    share: Share,
    most: usize,
}

impl Posted {
    /// Reads a body of JSON.
    pub(crate) async fn read(request: Request<Body>, bounds: &Bounds, pool: &Pool) -> Result<Self, Refusal> {
        check_kind(request.headers())?;
        let size = request.body().size_hint();
        // What a client says is no reason to add, only to refuse.
        if size.lower() > bounds.body as u64 {
            return Err(too_large(bounds.body));
        }
        let told = size.exact().and_then(|size| usize::try_from(size).ok());
        let first = told.unwrap_or(FIRST.min(bounds.body));
        let mut body = request.into_body();
        let reading = async {
            let read = match pool.try_take(first) {
                Some(share) => {
                    let mut posted = Self { bytes: Vec::with_capacity(first), share, most: bounds.body };
                    posted.fill(&mut body).await.map(|()| posted)
                }
                None => Err(Refusal::full()),
            };
            if matches!(read, Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, _))) {
                discard(&mut body).await;
            }
            read
        };
        match tokio::time::timeout(bounds.read_timeout, reading).await {
            Ok(read) => read,
            Err(_) => Err(Refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned())),
        }
    }

    async fn fill(&mut self, body: &mut Body) -> Result<(), Refusal> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::bad(format!("the body can't be read: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            self.make_room(data.len())?;
            self.bytes.extend_from_slice(&data);
        }
        Ok(())
    }

    fn make_room(&mut self, more: usize) -> Result<(), Refusal> {
        let length = self.bytes.len() + more;
        if length > self.most {
            return Err(too_large(self.most));
        }
        if length > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).max(length).min(self.most);
            // The old bytes are there until they are copied.
            if !self.share.grow(capacity) {
                return Err(Refusal::full());
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
            self.share.keep(self.bytes.capacity());
        }
        Ok(())
    }
}

/// Refuses what is not said to be JSON as it is. Pages in a browser can't send this type to another site without asking
/// first.
fn check_kind(headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.to_owned()));
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return refused("send application/json: the request has not exactly one header Content-Type");
    };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return refused("send application/json");
    }
    let plain = |coding: &str| coding.trim().eq_ignore_ascii_case("identity");
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !codings.all(|codings| codings.to_str().is_ok_and(|codings| codings.split(',').all(plain))) {
        return refused("the body is compressed: send it without Content-Encoding");
    }
    Ok(())
}

/// Reads the rest of a body and keeps nothing of it: a client that is still sending does not see its answer, and one that
/// is to come again has to.
async fn discard(body: &mut Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn too_large(most: usize) -> Refusal {
    Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("the body exceeds {most} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body of so many pieces of so many bytes, which does not tell its length.
    struct Chunks(usize, usize);

    impl HttpBody for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.checked_sub(1).map(|left| {
                self.0 = left;
                Ok(hyper::body::Frame::data(vec![b' '; self.1].into()))
            }))
        }
    }

    fn read(body: Body, most: usize, pool: &Pool) -> Result<Posted, StatusCode> {
        let request = Request::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
        let bounds = Bounds { body: most, ..Bounds::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(Posted::read(request, &bounds, pool)).map_err(|Refusal(status, _)| status)
    }

    #[test]
    fn a_body_is_json_that_is_not_compressed() {
        let refused = |lines: &[(header::HeaderName, &'static str)]| {
            let value = |value: &'static str| header::HeaderValue::from_static(value);
            let mut headers = HeaderMap::new();
            for (name, text) in lines {
                headers.append(name, value(text));
            }
            check_kind(&headers).err().map(|Refusal(status, _)| status)
        };
        let (kind, coding) = (header::CONTENT_TYPE, header::CONTENT_ENCODING);
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
            assert_eq!(refused(&[(kind.clone(), good)]), None, "{good}");
        }
        let unsupported = Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        for bad in ["application/jsonx", "application/json-seq", "text/plain;application/json", "", "json"] {
            assert_eq!(refused(&[(kind.clone(), bad)]), unsupported, "{bad}");
        }
        let json = (kind.clone(), "application/json");
        assert_eq!(refused(&[]), unsupported);
        assert_eq!(refused(&[json.clone(), (kind, "text/plain")]), unsupported);
        assert_eq!(refused(&[json.clone(), (coding.clone(), "Identity")]), None);
        for bad in ["gzip", "identity, gzip", "x-identity", ""] {
            assert_eq!(refused(&[json.clone(), (coding.clone(), bad)]), unsupported, "{bad}");
        }
        let twice = [json, (coding.clone(), "identity"), (coding, "br")];
        assert_eq!(refused(&twice), unsupported);
    }

    #[test]
    fn a_body_takes_as_much_memory_as_it_has_bytes_whether_it_tells_them_or_not() {
        let pool = Pool::new(4 << 20);
        let told = read(vec![b' '; 1_000_000].into(), 1 << 20, &pool).unwrap();
        assert_eq!((told.bytes.len(), pool.taken()), (1_000_000, 1_003_520));
        drop(told);
        let untold = read(Body::new(Chunks(1000, 1000)), 1 << 20, &pool).unwrap();
        assert_eq!(untold.bytes.len(), 1_000_000);
        assert!(untold.bytes.capacity() <= pool.taken() && pool.taken() <= 1 << 20);
        drop(untold);
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn a_body_beyond_its_bound_or_the_pool_is_refused_and_leaves_nothing() {
        let pool = Pool::new(1 << 20);
        for (body, most, status) in [
            (Body::from(vec![b' '; 1001]), 1000, StatusCode::PAYLOAD_TOO_LARGE),
            (Body::new(Chunks(1001, 1)), 1000, StatusCode::PAYLOAD_TOO_LARGE),
            (Body::from(vec![b' '; 2 << 20]), 4 << 20, StatusCode::SERVICE_UNAVAILABLE),
            (Body::new(Chunks(2000, 1000)), 4 << 20, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(read(body, most, &pool).unwrap_err(), status);
            assert_eq!(pool.taken(), 0);
        }
    }
}
