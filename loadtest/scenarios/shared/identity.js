// Who calls: tokens by OAuth2 client credentials where an issuer is named, else the unsigned ones that a server in
// development mode on loopback accepts.
import encoding from 'k6/encoding';
import http from 'k6/http';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE } = __ENV;
// The path that the server too derives from an issuer, since both are made for Keycloak; others name TOKEN_URL.
const TOKEN_URL = __ENV.TOKEN_URL || (ISSUER ? `${ISSUER.replace(/\/$/, '')}/protocol/openid-connect/token` : '');
const FAR_FUTURE = 4102444800;

// Whether all callers are one client of an issuer, and so one subject.
export const signed = TOKEN_URL !== '';
if (signed && !(CLIENT_ID && CLIENT_SECRET)) throw new Error('with ISSUER or TOKEN_URL, CLIENT_ID and CLIENT_SECRET too');

let granted = { until: 0 };

// The token of the client. Each user of k6 has one of its own, because they share nothing, and renews it at a moment of
// its own, so that not all ask the issuer at once.
function grant() {
  if (Date.now() < granted.until) return granted;
  const form = { grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
  const answer = http.post(TOKEN_URL, SCOPE ? { ...form, scope: SCOPE } : form, { tags: { name: 'token' } });
  if (answer.status !== 200) throw new Error(`${TOKEN_URL} was answered ${answer.status}: ${answer.error || answer.body}`);
  const { access_token: token, expires_in: seconds = 60 } = answer.json();
  const { sub } = JSON.parse(encoding.b64decode(token.split('.')[1], 'rawurl', 's'));
  granted = { token, sub, until: Date.now() + seconds * 1000 * (0.5 + 0.3 * Math.random()) };
  return granted;
}

function unsigned(subject, roles) {
  const part = (value) => encoding.b64encode(JSON.stringify(value), 'rawurl');
  const claims = { sub: subject, realm_access: { roles }, exp: FAR_FUTURE };
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
}

// The subject by which the server knows somebody whom a scenario calls `name`.
export function subjectOf(name) {
  return signed ? grant().sub : name;
}

// A function that gives the parameters of a call by this caller. They are made once for each name, because k6 shares the
// processors with what it measures.
export function caller(subject, roles = []) {
  const headers = { 'content-type': 'application/json' };
  if (!signed) headers.authorization = `Bearer ${unsigned(subject, roles)}`;
  const made = {};
  return (name) => {
    if (signed) headers.authorization = `Bearer ${grant().token}`;
    return made[name] || (made[name] = { headers, tags: { name } });
  };
}
