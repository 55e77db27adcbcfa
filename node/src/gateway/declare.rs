//! Declaring services: what would change, and the change.
//!
//! A file of declarations is one call of the client and one command per service in the ledger: repeating the call after a
//! failure half-way is safe, because a declaration that is there already changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use hms_proto::v1::{self as wire, call};
use hms_protocol::codec::{CodecError, Wire as _};
use hms_protocol::limits::PAGE_MAX;
use hms_protocol::refusal::Refusal;
use hms_protocol::service::ServiceSpec;
use tokio::time::Instant;

use super::Hall;
use super::asker::Asker;
use super::failure::Failure;
use super::redirect::Errand;
use super::rpc::pick;
use crate::limits::DECLARATIONS_AT_ONCE;

impl Hall {
    /// Declares services, or only tells what would change. All are checked before the first is declared.
    pub(super) async fn declare(
        self: &Arc<Self>,
        request: wire::DeclareServicesRequest,
        asker: &Asker,
        deadline: Instant,
    ) -> Result<wire::DeclareServicesReply, Failure> {
        let specs = check(request.services)?;
        let known = self.known_services(asker, deadline).await?;
        let declarations = specs.into_iter().map(|spec| {
            let found = known.get(spec.name.as_str());
            let plan = plan(&spec, found);
            async move {
                if request.dry_run {
                    return Ok(plan);
                }
                self.declare_one(spec, plan, asker, deadline).await
            }
        });
        let services = stream::iter(declarations)
            .buffered(DECLARATIONS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(wire::DeclareServicesReply { services })
    }

    async fn known_services(
        self: &Arc<Self>,
        asker: &Asker,
        deadline: Instant,
    ) -> Result<BTreeMap<String, wire::Service>, Failure> {
        let mut known = BTreeMap::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListServicesRequest {
                page_size: PAGE_MAX,
                page_token,
            };
            let ask = call::Ask::ListServices(request);
            let errand = Errand::new(asker.clone(), ask, deadline)?;
            let page: wire::ListServicesReply = pick(self.settle(&errand).await?)?;
            known.extend(page.services.into_iter().filter_map(|service| {
                let name = service.spec.as_ref()?.name.clone();
                Some((name, service))
            }));
            if page.next_page_token.is_empty() {
                return Ok(known);
            }
            page_token = page.next_page_token;
        }
    }

    async fn declare_one(
        self: &Arc<Self>,
        spec: ServiceSpec,
        plan: wire::Declared,
        asker: &Asker,
        deadline: Instant,
    ) -> Result<wire::Declared, Failure> {
        let ask = call::Ask::Declare(wire::DeclareRequest {
            service: Some(spec.to_wire()),
        });
        let errand = Errand::new(asker.clone(), ask, deadline)?;
        let reply: wire::DeclareReply = pick(self.settle(&errand).await?)?;
        Ok(wire::Declared {
            revision: reply.revision,
            ..plan
        })
    }
}

/// Reads the declarations; a name that stands there twice would make the outcome a matter of luck.
fn check(services: Vec<wire::ServiceSpec>) -> Result<Vec<ServiceSpec>, Refusal> {
    let mut specs: Vec<ServiceSpec> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for service in services {
        let spec = ServiceSpec::from_wire(service)?;
        if !names.insert(spec.name.clone()) {
            return Err(CodecError::Repeated { field: "services" }.into());
        }
        specs.push(spec);
    }
    Ok(specs)
}

/// What a declaration would do to what is there.
fn plan(spec: &ServiceSpec, found: Option<&wire::Service>) -> wire::Declared {
    let declared = found.and_then(|service| ServiceSpec::from_wire(service.spec.clone()?).ok());
    let (what, differences) = match &declared {
        None => (wire::Declaration::Added, Vec::new()),
        Some(old) if old == spec => (wire::Declaration::Unchanged, Vec::new()),
        Some(old) => (wire::Declaration::Changed, differences(old, spec)),
    };
    wire::Declared {
        service: spec.name.to_string(),
        what: what.into(),
        revision: found.map_or(0, |service| service.revision),
        differences,
    }
}

/// The fields in which two declarations differ, for people.
fn differences(old: &ServiceSpec, new: &ServiceSpec) -> Vec<String> {
    let ms = |span_ms: u64| format!("{span_ms} ms");
    let list = |names: &[hms_protocol::id::NodeName]| {
        let names: Vec<&str> = names
            .iter()
            .map(hms_protocol::id::NodeName::as_str)
            .collect();
        if names.is_empty() {
            "any".to_owned()
        } else {
            names.join(" ")
        }
    };
    let mut fields = vec![
        (
            "probe".to_owned(),
            old.probe.to_string(),
            new.probe.to_string(),
        ),
        (
            "interval".to_owned(),
            ms(old.interval_ms),
            ms(new.interval_ms),
        ),
        ("timeout".to_owned(), ms(old.timeout_ms), ms(new.timeout_ms)),
        (
            "retries".to_owned(),
            old.retries.to_string(),
            new.retries.to_string(),
        ),
        (
            "probers".to_owned(),
            old.probers.to_string(),
            new.probers.to_string(),
        ),
        (
            "quorum".to_owned(),
            old.quorum.to_string(),
            new.quorum.to_string(),
        ),
        ("nodes".to_owned(), list(&old.nodes), list(&new.nodes)),
    ];
    let keys: std::collections::BTreeSet<&String> =
        old.target.keys().chain(new.target.keys()).collect();
    for key in keys {
        let value = |target: &BTreeMap<String, String>| {
            target
                .get(key)
                .cloned()
                .unwrap_or_else(|| "none".to_owned())
        };
        fields.push((
            format!("target.{key}"),
            value(&old.target),
            value(&new.target),
        ));
    }
    let changed = fields.into_iter().filter(|(_, old, new)| old != new);
    changed
        .map(|(field, old, new)| format!("{field}: {old} -> {new}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(url: &str, interval_ms: u64) -> ServiceSpec {
        ServiceSpec {
            name: "web".parse().unwrap(),
            probe: "probe.http".parse().unwrap(),
            target: [("url".to_owned(), url.to_owned())].into(),
            interval_ms,
            timeout_ms: 500,
            retries: 1,
            probers: 3,
            quorum: 2,
            nodes: Vec::new(),
        }
    }

    fn declared(spec: &ServiceSpec) -> wire::Service {
        wire::Service {
            spec: Some(spec.to_wire()),
            revision: 7,
            ..wire::Service::default()
        }
    }

    #[test]
    fn a_plan_tells_new_changed_and_unchanged_apart_and_names_the_fields() {
        let new = spec("http://b", 5_000);
        assert_eq!(plan(&new, None).what(), wire::Declaration::Added);
        let same = plan(&new, Some(&declared(&new)));
        assert_eq!(
            (same.what(), same.revision),
            (wire::Declaration::Unchanged, 7)
        );
        let changed = plan(&new, Some(&declared(&spec("http://a", 2_000))));
        assert_eq!(changed.what(), wire::Declaration::Changed);
        assert_eq!(
            changed.differences,
            [
                "interval: 2000 ms -> 5000 ms",
                "target.url: http://a -> http://b"
            ]
        );
    }

    #[test]
    fn one_name_twice_is_refused() {
        let twice = vec![spec("http://a", 1).to_wire(), spec("http://b", 1).to_wire()];
        assert!(matches!(
            check(twice),
            Err(Refusal::Invalid {
                field: "services",
                ..
            })
        ));
    }
}
