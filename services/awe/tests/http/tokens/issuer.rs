//! An identity provider with real keys.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;

/// Claims of a viewer.
#[derive(Clone)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn new(issuer: &str) -> Self {
        let claims = json!({
            "iss": issuer, "aud": "awe", "sub": "amina", "exp": now() + 300,
            "realm_access": {"roles": ["AWE_VIEWER"]},
        });
        Self(claims.as_object().unwrap().clone())
    }

    /// Sets a claim; null removes it.
    pub(super) fn with(mut self, claim: &str, value: Value) -> Self {
        self.0.remove(claim);
        if !value.is_null() {
            self.0.insert(claim.to_owned(), value);
        }
        self
    }

    pub(super) fn expiring(self, seconds: i64) -> Self {
        self.with("exp", json!(now() + seconds))
    }

    pub(super) fn starting(self, seconds: i64) -> Self {
        self.with("nbf", json!(now() + seconds))
    }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pem(der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

/// The private half of one key.
pub(super) struct Signer {
    kid: &'static str,
    algorithms: &'static [Algorithm],
    private: EncodingKey,
    public: Value,
}

impl Signer {
    pub(super) fn rsa(kid: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let public = pair.public_key();
        let (n, e) = (
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        Self {
            kid,
            algorithms: &[Algorithm::RS256, Algorithm::PS256],
            private: EncodingKey::from_rsa_pem(pem(der.as_ref()).as_bytes()).unwrap(),
            public: json!({"kty": "RSA", "kid": kid, "use": "sig", "n": base64(n), "e": base64(e)}),
        }
    }

    fn ec(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let point = pair.public_key().as_ref();
        Self {
            kid,
            algorithms: &[Algorithm::ES256],
            private: EncodingKey::from_ec_der(der.as_ref()),
            public: json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(&point[1..33]), "y": base64(&point[33..])}),
        }
    }

    fn ed(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        Self {
            kid,
            algorithms: &[Algorithm::EdDSA],
            private: EncodingKey::from_ed_der(der.as_ref()),
            public: json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(pair.public_key())}),
        }
    }

    pub(super) fn algorithms(&self) -> &'static [Algorithm] {
        self.algorithms
    }

    pub(super) fn sign(&self, algorithm: Algorithm, claims: &Claims) -> String {
        self.sign_as(algorithm, self.kid, claims)
    }

    pub(super) fn sign_as(&self, algorithm: Algorithm, kid: &str, claims: &Claims) -> String {
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, &claims.0, &self.private).unwrap()
    }

    pub(super) fn sign_without_kid(&self, claims: &Claims) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims.0, &self.private).unwrap()
    }

    /// A MAC under the public key, as if the public key were the shared secret.
    pub(super) fn confused(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.kid.to_owned());
        let public = self.public["n"].as_str().unwrap();
        jsonwebtoken::encode(&header, &claims.0, &EncodingKey::from_secret(public.as_bytes())).unwrap()
    }
}

/// Header `none`, no signature.
pub(super) fn unsigned(claims: &Claims) -> String {
    let header = json!({"alg": "none", "kid": "rsa"}).to_string();
    format!("{}.{}.", base64(header), base64(Value::Object(claims.0.clone()).to_string()))
}

/// The same signature over other claims.
pub(super) fn tampered(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["sub"] = json!("somebody-else");
    format!("{}.{}.{}", parts[0], base64(claims.to_string()), parts[2])
}

#[derive(Default)]
struct Published {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
}

/// A realm that publishes its keys on loopback.
pub(super) struct Issuer {
    address: SocketAddr,
    published: Arc<Published>,
    pub(super) rsa: Signer,
    ec: Signer,
    ed: Signer,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let published = Arc::<Published>::default();
        let routes = Router::new()
            .route("/realms/staff/protocol/openid-connect/certs", get(certs))
            .with_state(Arc::clone(&published));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let issuer =
            Self { address, published, rsa: Signer::rsa("rsa"), ec: Signer::ec("ec"), ed: Signer::ed("ed") };
        for signer in issuer.signers() {
            issuer.publish(signer);
        }
        // Real sets also hold keys that cannot be used here: for encryption, of an unknown kind, or broken.
        let mut encryption = issuer.rsa.public.clone();
        (encryption["kid"], encryption["use"]) = (json!("enc"), json!("enc"));
        let odd = json!({"kty": "PQC", "kid": "odd"});
        let broken = json!({"kty": "RSA", "kid": "broken", "n": "!", "e": 3});
        let shared = json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"});
        issuer.published.keys.lock().unwrap().extend([encryption, odd, broken, shared]);
        issuer
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/realms/staff", self.address)
    }

    pub(super) fn signers(&self) -> [&Signer; 3] {
        [&self.rsa, &self.ec, &self.ed]
    }

    pub(super) fn publish(&self, signer: &Signer) {
        self.published.keys.lock().unwrap().push(signer.public.clone());
    }

    /// Publishes the RSA key with an `alg`.
    pub(super) fn tie(&self, algorithm: &str) {
        self.published.keys.lock().unwrap()[0]["alg"] = json!(algorithm);
    }

    pub(super) fn fetches(&self) -> usize {
        self.published.fetches.load(Ordering::SeqCst)
    }
}

async fn certs(State(published): State<Arc<Published>>) -> axum::Json<Value> {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    axum::Json(json!({"keys": *published.keys.lock().unwrap()}))
}
