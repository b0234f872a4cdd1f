//! Judges JSON by a schema in which no field may stand that it does not name. What is served allows more, for later versions.

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

/// A schema that allows no more than it names.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let inner = fields.iter();
            let inner = inner.map(|(name, value)| (name.clone(), closed(value)));
            let mut fields: Map<String, Value> = inner.collect();
            // A field may be called `properties`; an object says that it is one.
            if fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(fields)
        }
        Value::Array(values) => values.iter().map(closed).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            plain.clone()
        }
    }
}

/// What judges by the schema that stands at a place of a document.
pub(crate) struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    pub(crate) fn of(document: &Value, place: &str) -> Self {
        const NAME: &str = "https://orion.test/document.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler
            .add_resource(NAME, closed(document))
            .expect("a document");
        let index = compiler.compile(&format!("{NAME}{place}"), &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{place}: {error:#}"));
        Self { schemas, index }
    }

    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn takes(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    /// Panics with all that is wrong.
    pub(crate) fn fits(&self, value: &Value, name: &str) {
        if let Err(faults) = self.schemas.validate(value, self.index) {
            panic!("{name}: {faults:#}");
        }
    }
}
