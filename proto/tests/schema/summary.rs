//! A schema as a list of promises: one line per field, enum value and call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prost_types::field_descriptor_proto::Label;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

/// Where a promise stands: a message and a number, an enum and a number, or a service and a call's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) owner: String,
    pub(crate) key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.owner, self.key)
    }
}

/// What is promised there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) String);

/// A whole schema.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) entries: BTreeMap<Place, Entry>,
    /// Numbers that were given up.
    pub(crate) reserved: BTreeSet<Place>,
}

/// Lists the promises of every file but the imported ones.
pub(crate) fn summarise(schema: &FileDescriptorSet) -> Summary {
    let mut summary = Summary::default();
    for file in schema
        .file
        .iter()
        .filter(|file| file.name().starts_with("hms/"))
    {
        for message in &file.message_type {
            summary.add_message(file.package(), message);
        }
        for numbers in &file.enum_type {
            summary.add_enum(file.package(), numbers);
        }
        for service in &file.service {
            summary.add_service(file.package(), service);
        }
    }
    summary
}

impl Summary {
    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let owner = format!("{scope}.{}", message.name());
        for field in &message.field {
            self.add(&owner, &field.number().to_string(), describe(field));
        }
        for range in &message.reserved_range {
            // The end of a message's range is exclusive.
            self.reserve(&owner, range.start()..range.end());
        }
        for nested in &message.nested_type {
            self.add_message(&owner, nested);
        }
        for numbers in &message.enum_type {
            self.add_enum(&owner, numbers);
        }
    }

    fn add_enum(&mut self, scope: &str, numbers: &EnumDescriptorProto) {
        let owner = format!("{scope}.{}", numbers.name());
        for value in &numbers.value {
            self.add(&owner, &value.number().to_string(), value.name().to_owned());
        }
        for range in &numbers.reserved_range {
            // The end of an enum's range is inclusive.
            self.reserve(&owner, range.start()..range.end() + 1);
        }
    }

    fn add_service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        let owner = format!("{scope}.{}", service.name());
        for call in &service.method {
            let stream = |is_stream| if is_stream { "stream " } else { "" };
            let text = format!(
                "{}{} -> {}{}",
                stream(call.client_streaming()),
                call.input_type().trim_start_matches('.'),
                stream(call.server_streaming()),
                call.output_type().trim_start_matches('.'),
            );
            self.add(&owner, call.name(), text);
        }
    }

    fn add(&mut self, owner: &str, key: &str, text: String) {
        let place = Place {
            owner: owner.to_owned(),
            key: key.to_owned(),
        };
        let earlier = self.entries.insert(place, Entry(text));
        assert_eq!(earlier, None, "{owner} {key} is defined twice");
    }

    fn reserve(&mut self, owner: &str, numbers: std::ops::Range<i32>) {
        let place = |number: i32| Place {
            owner: owner.to_owned(),
            key: number.to_string(),
        };
        self.reserved.extend(numbers.map(place));
    }
}

fn describe(field: &FieldDescriptorProto) -> String {
    let repeated = if field.label() == Label::Repeated {
        "repeated "
    } else {
        ""
    };
    let optional = if field.proto3_optional() {
        "optional "
    } else {
        ""
    };
    let kind = if field.type_name().is_empty() {
        field
            .r#type()
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_lowercase()
    } else {
        field.type_name().trim_start_matches('.').to_owned()
    };
    format!("{} {repeated}{optional}{kind}", field.name())
}
