//! `scalefactors_json.json`: how the pipeline's small images relate to the full-resolution one.

use crate::base::{Failure, Result};
use crate::dataset::sniff::{Format, sniff};
use crate::dataset::table::{utf8, wrong_format};
use serde_json::Value;

/// Micrometres across the circle whose pixels `spot_diameter_fullres` counts. It is 65 and not the 55 of the spot
/// itself (spec/datasets.md, section 3.3, measured on a public sample).
pub const DIAMETER_UM: f64 = 65.0;

/// The factors that pinfold uses or checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalefactors {
    /// Full-resolution pixels times this are pixels of `tissue_hires_image.png`.
    pub hires: f64,
    /// The same for `tissue_lowres_image.png`.
    pub lowres: f64,
    /// Full-resolution pixels across 65 micrometres.
    pub spot_diameter: f64,
}

impl Scalefactors {
    /// Micrometres a full-resolution pixel, by the spot's diameter.
    pub fn um_per_px(&self) -> f64 {
        DIAMETER_UM / self.spot_diameter
    }
}

/// Parses the file's bytes. Codes: V08 for JSON, keys and types; V09 for factors that contradict each other; G41;
/// V23 for the file of a Visium HD bin.
pub fn parse(bytes: &[u8], shown: &str) -> Result<Scalefactors> {
    match sniff(bytes) {
        Format::Json => {}
        other => return Err(wrong_format(other, "JSON", shown)),
    }
    let value: Value = serde_json::from_str(utf8(bytes, shown)?).map_err(|e| Failure::input(format!("not JSON: {e} (V08)")).at(shown))?;
    if value.get("bin_size_um").is_some() {
        return Err(Failure::input("these are the scale factors of a Visium HD bin, which this version does not read (V23)").at(shown));
    }
    let get = |key: &str| -> Result<f64> {
        let found = value.get(key).ok_or_else(|| Failure::input(format!("the key '{key}' is missing (V08)")).at(shown))?;
        let n = found.as_f64().ok_or_else(|| {
            Failure::input(format!("'{key}' is not a number but {} (V08)", crate::base::text::clean(&found.to_string()))).at(shown)
        })?;
        if n > 0.0 { Ok(n) } else { Err(Failure::input(format!("'{key}' is {n}, and must be positive (G41)")).at(shown)) }
    };
    let out = Scalefactors {
        hires: get("tissue_hires_scalef")?,
        lowres: get("tissue_lowres_scalef")?,
        spot_diameter: get("spot_diameter_fullres")?,
    };
    if out.hires < out.lowres {
        return Err(Failure::input(format!("the hires factor {} is below the lowres factor {} (V09)", out.hires, out.lowres)).at(shown));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_read_and_faults_named() {
        let good = r#"{"spot_diameter_fullres": 177.48, "tissue_hires_scalef": 0.08, "fiducial_diameter_fullres": 286.7, "tissue_lowres_scalef": 0.024}"#;
        let s = parse(good.as_bytes(), "f").expect("factors");
        assert!((s.um_per_px() - 65.0 / 177.48).abs() < 1e-15);
        for (from, to, code) in [
            ("177.48", "\"177.48\"", "V08"),
            ("tissue_lowres_scalef", "lowres", "V08"),
            ("0.024", "0.24", "V09"),
            ("177.48", "-1", "G41"),
            ("0.08", "0.08,", "V08"),
            ("\"spot_d", "\"bin_size_um\": 8, \"spot_d", "V23"),
        ] {
            assert!(parse(good.replacen(from, to, 1).as_bytes(), "f").expect_err(code).what.contains(code), "{from} {to}");
        }
        assert!(parse(b"<html>", "f").expect_err("html").what.contains("G05"));
    }
}
