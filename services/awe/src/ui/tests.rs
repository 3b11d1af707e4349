use super::*;
use axum::http::StatusCode;

fn ui() -> Ui {
    Ui { files: Files::Carried, issuer: "https://id.example.org".into() }
}

fn html() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"))])
}

fn header(answer: &Response, name: HeaderName) -> &str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn any_path_of_a_person_is_the_page_with_a_nonce_of_its_own() {
    let (first, second) = (
        ui().answer(&Method::GET, "/requests/1", &html()).await,
        ui().answer(&Method::GET, "/", &html()).await,
    );
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(header(&first, CACHE_CONTROL), "no-store");
    let policy = header(&first, CONTENT_SECURITY_POLICY);
    assert!(policy.contains("connect-src 'self' https://id.example.org;"), "{policy}");
    assert_ne!(policy, header(&second, CONTENT_SECURITY_POLICY));
}

#[tokio::test]
async fn what_is_missing_is_never_the_page() {
    for path in ["/assets/gone-1.js", "/v1", "/v1/awe/nothing", "/metrics"] {
        let answer = ui().answer(&Method::GET, path, &html()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let program = ui().answer(&Method::GET, "/requests", &HeaderMap::new()).await;
    assert_eq!(program.status(), StatusCode::NOT_FOUND);
    let write = ui().answer(&Method::POST, "/requests", &html()).await;
    assert_eq!(write.status(), StatusCode::NOT_FOUND);
}

#[test]
fn encodings_are_taken_by_name() {
    let accepting = |text: &'static str| {
        wanted(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]))
    };
    assert_eq!(accepting("gzip, deflate, br"), [("br", "br"), ("gz", "gzip")]);
    assert_eq!(accepting("gzip;q=0.5"), [("gz", "gzip")]);
    assert!(accepting("brotli-like").is_empty());
    assert!(wanted(&HeaderMap::new()).is_empty());
}
