//! Makes the clients and roles of AWE in a realm that exists: once, and again only what has drifted. Nothing else in the
//! realm is touched, and nothing is ever deleted.

use super::admin::{Admin, Administrator, ProvisionError};
use crate::client::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

/// The client that Keycloak keeps the rights of its own Admin API in.
const REALM_MANAGEMENT: &str = "realm-management";
/// What the resolver's service account needs there.
const RESOLVER_NEEDS: [&str; 4] = ["query-groups", "view-clients", "view-realm", "view-users"];
/// Client roles of the portal.
const PORTAL_ROLES: [(&str, &str); 2] =
    [("AWE_ADMIN", "Changes policies, secrets and tasks"), ("AWE_VIEWER", "Sees everything")];
/// The role that the named people get.
const ADMIN_ROLE: &str = "AWE_ADMIN";

/// What there should be.
#[derive(Debug, Clone)]
pub struct Provision {
    /// Base URL of Keycloak.
    pub base_url: String,
    /// The realm, which exists.
    pub realm: String,
    /// Public client with which people sign in from a browser.
    pub portal: String,
    /// Where the browser may be sent back to, `https://awe.example.org/*`.
    pub redirect_uris: Vec<String>,
    /// Confidential client whose service account looks up people.
    pub resolver: String,
    /// Its secret.
    pub resolver_secret: SecretString,
    /// User names of those who get the role `AWE_ADMIN`.
    pub admins: Vec<String>,
}

/// What a run did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// In words, what was changed. Empty: everything was as it should be.
    pub changed: Vec<String>,
    /// What could not be done and does not stop the rest.
    pub notes: Vec<String>,
}

/// Makes what is wanted. A run that was interrupted is finished by the next one.
///
/// # Errors
/// [`ProvisionError`]; what was done until then stays, and a retry is safe.
pub async fn provision(
    administrator: &Administrator,
    wanted: &Provision,
) -> Result<Provisioned, ProvisionError> {
    wanted.redirect_uris.iter().try_for_each(|uri| check_redirect(uri))?;
    let mut done = Provisioned::default();
    let admin = Admin::sign_in(&wanted.base_url, &wanted.realm, administrator).await?;
    let portal = client(&admin, &wanted.portal, portal_of(wanted), &mut done).await?;
    for (role, description) in PORTAL_ROLES {
        client_role(&admin, &portal, (&wanted.portal, role, description), &mut done).await?;
    }
    let resolver = client(&admin, &wanted.resolver, resolver_of(wanted), &mut done).await?;
    let account = admin.expect(&["clients", &resolver, "service-account-user"]).await?;
    let name = format!("service-account-{}", wanted.resolver);
    let management = internal_id(&admin, REALM_MANAGEMENT).await?;
    let management = management.ok_or_else(|| ProvisionError::Missing(REALM_MANAGEMENT.to_owned()))?;
    grant(&admin, (&text(&account, "id"), &name), (&management, &RESOLVER_NEEDS), &mut done).await?;
    for username in &wanted.admins {
        match user_id(&admin, username).await? {
            Some(user) => grant(&admin, (&user, username), (&portal, &[ADMIN_ROLE]), &mut done).await?,
            None => done.notes.push(format!("there is no user {username}: nobody got {ADMIN_ROLE} for it")),
        }
    }
    Ok(done)
}

/// `*` alone, or in the host, would let anybody take tokens; as a web origin it also leaves none.
fn check_redirect(uri: &str) -> Result<(), ProvisionError> {
    let refused = |why: &str| Err(ProvisionError::Redirect(uri.to_owned(), why.to_owned()));
    let fixed = uri.strip_suffix('*').unwrap_or(uri);
    match url::Url::parse(fixed) {
        _ if fixed.contains('*') => refused("a `*` may only be its last character"),
        Ok(url) if !matches!(url.scheme(), "https" | "http") => refused("it must begin with https://"),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => refused("it names no host"),
        Ok(_) if fixed != uri && !fixed.ends_with('/') => refused("a `*` at the end must follow a `/`"),
        Ok(url) if fixed.len() <= url.origin().ascii_serialization().len() => refused("it has no path"),
        Ok(_) => Ok(()),
        Err(error) => refused(&error.to_string()),
    }
}

fn portal_of(wanted: &Provision) -> Value {
    json!({
        "clientId": wanted.portal, "enabled": true, "protocol": "openid-connect",
        "publicClient": true, "standardFlowEnabled": true, "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false, "serviceAccountsEnabled": false, "fullScopeAllowed": true,
        // `+` = the origins of the redirect URIs.
        "redirectUris": wanted.redirect_uris, "webOrigins": ["+"],
        "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": "+"},
    })
}

fn resolver_of(wanted: &Provision) -> Value {
    json!({
        "clientId": wanted.resolver, "enabled": true, "protocol": "openid-connect",
        "publicClient": false, "serviceAccountsEnabled": true, "standardFlowEnabled": false,
        "implicitFlowEnabled": false, "directAccessGrantsEnabled": false, "fullScopeAllowed": true,
        "clientAuthenticatorType": "client-secret", "secret": wanted.resolver_secret.expose_secret(),
    })
}

/// Makes a client, or changes of it what is not as wanted. Returns its internal id.
async fn client(
    admin: &Admin,
    client_id: &str,
    wanted: Value,
    done: &mut Provisioned,
) -> Result<String, ProvisionError> {
    if internal_id(admin, client_id).await?.is_none() && admin.create(&["clients"], &wanted).await? {
        done.changed.push(format!("the client {client_id} was created"));
    }
    let id = internal_id(admin, client_id).await?;
    let id = id.ok_or_else(|| ProvisionError::Missing(client_id.to_owned()))?;
    let mut found = admin.expect(&["clients", &id]).await?;
    let differs = overlay(&mut found, &wanted);
    if !differs.is_empty() {
        admin.change(Method::Put, &["clients", &id], &found).await?;
        done.changed.push(format!("the client {client_id} was set right: {}", differs.join(", ")));
    }
    Ok(id)
}

/// Puts what is wanted over what was found, and returns the names of what differed. Other members stay.
fn overlay(found: &mut Value, wanted: &Value) -> Vec<String> {
    let nothing = Map::new();
    let mut differs = Vec::new();
    for (name, value) in wanted.as_object().unwrap_or(&nothing) {
        if value.is_object() {
            if !found[name].is_object() {
                found[name] = json!({});
            }
            differs.extend(overlay(&mut found[name], value));
        } else if !same(&found[name], value) {
            found[name] = value.clone();
            differs.push(name.clone());
        }
    }
    differs
}

/// Lists of Keycloak have no order.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found.as_array(), wanted.as_array()) {
        (Some(found), Some(wanted)) => {
            found.len() == wanted.len() && wanted.iter().all(|one| found.contains(one))
        }
        _ => found == wanted,
    }
}

async fn client_role(
    admin: &Admin,
    client: &str,
    (client_id, role, description): (&str, &str, &str),
    done: &mut Provisioned,
) -> Result<(), ProvisionError> {
    if admin.get(&["clients", client, "roles", role], &[]).await?.is_none() {
        let body = json!({"name": role, "description": description});
        if admin.create(&["clients", client, "roles"], &body).await? {
            done.changed.push(format!("the role {role} of {client_id} was created"));
        }
    }
    Ok(())
}

/// Gives roles of a client to a user who has not got them.
async fn grant(
    admin: &Admin,
    (user, username): (&str, &str),
    (client, roles): (&str, &[&str]),
    done: &mut Provisioned,
) -> Result<(), ProvisionError> {
    let path = ["users", user, "role-mappings", "clients", client];
    let held = admin.expect(&path).await?;
    let holds = |role: &str| held.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == role));
    let mut missing = Vec::new();
    for role in roles.iter().filter(|role| !holds(role)) {
        missing.push(admin.expect(&["clients", client, "roles", role]).await?);
    }
    if !missing.is_empty() {
        admin.change(Method::Post, &path, &Value::from(missing.clone())).await?;
        let names: Vec<String> = missing.iter().map(|role| text(role, "name")).collect();
        done.changed.push(format!("{username} was given {}", names.join(", ")));
    }
    Ok(())
}

async fn internal_id(admin: &Admin, client_id: &str) -> Result<Option<String>, ProvisionError> {
    let found = admin.get(&["clients"], &[("clientId", client_id)]).await?.unwrap_or_default();
    Ok(found.as_array().and_then(|all| all.first()).map(|client| text(client, "id")))
}

async fn user_id(admin: &Admin, username: &str) -> Result<Option<String>, ProvisionError> {
    let query = [("username", username), ("exact", "true")];
    let found = admin.get(&["users"], &query).await?.unwrap_or_default();
    Ok(found.as_array().and_then(|all| all.first()).map(|user| text(user, "id")))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_names_one_place() {
        for good in ["https://awe.example.org/*", "http://localhost:8080/*", "https://awe.example.org/back"] {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        let bad = [
            "*",
            "https://*",
            "https://*/x",
            "https://*.example.org/*",
            "https://a.org*",
            "/*",
            "",
            "a.org/*",
        ];
        for bad in bad.into_iter().chain(["https://awe.example.org", "javascript:alert(1)//*", "https:///*"])
        {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let mut found = json!({"a": 1, "list": ["x", "y"], "attributes": {"kept": "k"}, "other": true});
        let wanted = json!({"a": 2, "list": ["y", "x"], "attributes": {"new": "n"}});
        assert_eq!(overlay(&mut found, &wanted), ["a", "new"]);
        let right =
            json!({"a": 2, "list": ["x", "y"], "attributes": {"kept": "k", "new": "n"}, "other": true});
        assert_eq!(found, right);
        assert!(overlay(&mut found, &wanted).is_empty());
    }
}
