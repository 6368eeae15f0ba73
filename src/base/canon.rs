//! Canonical bytes of parameters: what stage keys are made of.

use super::digest::Digest;
use serde_json::Value;

/// JSON with sorted keys and without spaces. Numbers print as serde_json prints them (integers exactly,
/// floats in the shortest form that reads back to the same value), so equal values have equal bytes.
pub fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// The digest of the canonical bytes.
pub fn digest(value: &Value) -> Digest {
    Digest::of(&bytes(value))
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                out.extend(Value::String(key.clone()).to_string().bytes());
                out.push(b':');
                write(&map[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        other => out.extend(other.to_string().bytes()),
    }
}

/// The leaves in which two values differ, as `path: left -> right`, in key order. What `plan` and the TUI show
/// when they say why something is stale.
pub fn differences(left: &Value, right: &Value) -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    compare("", left, right, &mut out);
    out
}

fn compare(path: &str, left: &Value, right: &Value, out: &mut Vec<(String, String, String)>) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&inner, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push((path.to_owned(), a.to_string(), b.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter() {
        assert_eq!(bytes(&json!({"b": 1, "a": [1.5, null, "x\n"]})), br#"{"a":[1.5,null,"x\n"],"b":1}"#);
        assert_eq!(digest(&json!({"b": 1, "a": 2})), digest(&json!({"a": 2, "b": 1})));
    }

    #[test]
    fn differences_name_the_leaf() {
        let d = differences(&json!({"train": {"epochs": 2, "lr": 1}}), &json!({"train": {"epochs": 3, "lr": 1}}));
        assert_eq!(d, [("train.epochs".to_owned(), "2".to_owned(), "3".to_owned())]);
    }
}
