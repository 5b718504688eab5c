//! Whom a quota is for: a user, a client id, both, or an address; each by name or as the default for those without an own
//! one.

use base::Str;

/// The last part of a path for the default entity.
const DEFAULT: &str = "<default>";

/// One part of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Everybody without an own one.
    Default,
    /// This one.
    Named(Str),
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entity {
    /// The user.
    pub user: Option<Name>,
    /// The client id.
    pub client: Option<Name>,
    /// The address; never together with one of the others.
    pub ip: Option<Name>,
}

impl Entity {
    /// Of a user, a client id, or both.
    pub fn new(user: Option<Name>, client: Option<Name>) -> Self {
        Self { user, client, ip: None }
    }

    /// Its path below `/config`.
    ///
    /// # Panics
    /// When nothing is named.
    pub fn path(&self) -> String {
        match (&self.user, &self.client, &self.ip) {
            (Some(user), None, None) => format!("users/{}", user.encoded()),
            (Some(user), Some(client), None) => format!("users/{}/clients/{}", user.encoded(), client.encoded()),
            (None, Some(client), None) => format!("clients/{}", client.encoded()),
            (None, None, Some(ip)) => format!("ips/{}", ip.encoded()),
            _ => panic!("an entity is a user, a client id, both, or an address: {self:?}"),
        }
    }

    /// The entity of a path below `/config`; `None` when that is none of these.
    pub fn from_path(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        Some(match parts[..] {
            ["users", user] => Self::new(Some(Name::decoded(user)?), None),
            ["users", user, "clients", client] => Self::new(Some(Name::decoded(user)?), Some(Name::decoded(client)?)),
            ["clients", client] => Self::new(None, Some(Name::decoded(client)?)),
            ["ips", ip] => Self { ip: Some(Name::decoded(ip)?), ..Self::default() },
            _ => return None,
        })
    }

    /// Its parts, each with upstream's name of its type; a default's name is `None`.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, Option<&Str>)> {
        let parts = [("user", &self.user), ("client-id", &self.client), ("ip", &self.ip)];
        parts.into_iter().filter_map(|(kind, name)| match name.as_ref()? {
            Name::Default => Some((kind, None)),
            Name::Named(name) => Some((kind, Some(name))),
        })
    }
}

impl Name {
    /// What a request says: no name is the default.
    pub fn of(name: Option<&Str>) -> Self {
        name.map_or(Self::Default, |name| Self::Named(name.detached()))
    }

    fn encoded(&self) -> String {
        match self {
            Self::Default => DEFAULT.to_string(),
            Self::Named(name) => sanitize(name),
        }
    }

    fn decoded(text: &str) -> Option<Self> {
        match text {
            DEFAULT => Some(Self::Default),
            _ => Some(Self::Named(Str::from(desanitize(text)?))),
        }
    }
}

/// A name that can stand in a path (`Sanitizer.java`): `URLEncoder` of Java, with `*` and blanks as hexadecimal too.
fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The reverse; `None` for what [`sanitize`] does not make.
fn desanitize(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(core::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<Name> {
        Some(Name::Named(Str::from(name)))
    }

    #[test]
    fn paths_are_upstreams() {
        for (entity, path) in [
            (Entity::new(named("alice"), None), "users/alice"),
            (Entity::new(Some(Name::Default), None), "users/<default>"),
            (Entity::new(named("a b:c"), named("x*/y")), "users/a%20b%3Ac/clients/x%2A%2Fy"),
            (Entity::new(Some(Name::Default), Some(Name::Default)), "users/<default>/clients/<default>"),
            (Entity::new(None, named("grün")), "clients/gr%C3%BCn"),
            (Entity { ip: named("10.0.0.1"), ..Entity::default() }, "ips/10.0.0.1"),
        ] {
            assert_eq!(entity.path(), path);
            assert_eq!(Entity::from_path(path), Some(entity));
        }
    }

    #[test]
    fn what_is_no_entity_is_none() {
        for path in ["topics/t", "users", "users/a/b", "users/a/clients", "clients/%4", "clients/%zz", "users/%FF", ""]
        {
            assert_eq!(Entity::from_path(path), None, "{path}");
        }
    }
}
