//! The tasks that need no libtorch.

use crate::{Done, Task};
use pinfold::base::Digest;
use pinfold::base::arrays::Arrays;
use pinfold::dataset::image::decode_bytes;
use pinfold::histology::normalise::{IMAGENET_MEAN, IMAGENET_STD};
use pinfold::histology::{Augmenter, Border, ChannelOrder, Cutter, ImageView, Layout, Normaliser, Preset, Rounding};
use pinfold::stats::moran::Graph;
use pinfold::stats::nearest;
use rayon::prelude::*;
use std::path::Path;

const SIDE: usize = 224;
const PATCH: usize = SIDE * SIDE * 3;
const BATCH: usize = 32;

pub fn prepare(name: &str, folder: &Path) -> Result<Task, String> {
    let arrays = || Arrays::open(&folder.join("work.safetensors")).map_err(|e| e.to_string());
    match name {
        "decode" | "decode_crop" => {
            let jpeg = std::fs::read(folder.join("slide.jpg")).map_err(|e| e.to_string())?;
            let flat = arrays()?.f64s("centres").map_err(|e| e.to_string())?;
            let centres: Vec<(f64, f64)> = flat.as_chunks::<2>().0.iter().map(|c| (c[0], c[1])).collect();
            let cutter = Cutter::new(SIDE, SIDE, Rounding::HalfEven, Border::Refuse).map_err(|e| e.to_string())?;
            let crop = name == "decode_crop";
            Ok(Box::new(move || {
                let image = decode_bytes(&jpeg, "slide.jpg").expect("a sound JPEG");
                let (width, height) = (image.width as usize, image.height as usize);
                if !crop {
                    return Done { items: (width * height) as f64 / 1e6, check: None, saving: None };
                }
                let view = ImageView::new(width, height, &image.pixels).expect("a view");
                let rows = cutter.cut(&view, &centres).expect("windows in the image");
                Done { items: (rows.len() / PATCH) as f64, check: None, saving: None }
            }))
        }
        "augment" => {
            let arrays = arrays()?;
            let patches = arrays.u8s("patches").map_err(|e| e.to_string())?.to_vec();
            let (augmenter, normaliser) = (Augmenter::new(Preset::Mpa, 1, 0), imagenet());
            let (mut bytes, mut numbers) = (vec![0u8; PATCH], vec![0f32; PATCH]);
            let mut epoch = 0;
            Ok(Box::new(move || {
                epoch += 1;
                for (sample, patch) in patches.chunks_exact(PATCH).enumerate() {
                    augmenter.apply(patch, &mut bytes, SIDE, epoch, sample as u64);
                    normaliser.apply(&bytes, &mut numbers);
                    std::hint::black_box(&numbers);
                }
                Done { items: (patches.len() / PATCH) as f64, check: None, saving: None }
            }))
        }
        "load" => {
            let arrays = arrays()?;
            let (augmenter, normaliser) = (Augmenter::new(Preset::Mpa, 1, 0), imagenet());
            let mut batch = vec![0f32; BATCH * PATCH];
            let mut epoch = 0;
            Ok(Box::new(move || {
                epoch += 1;
                let patches = arrays.u8s("patches").expect("checked when prepared");
                for (b, group) in patches.chunks(BATCH * PATCH).enumerate() {
                    let pairs = batch.par_chunks_exact_mut(PATCH).zip(group.par_chunks_exact(PATCH)).enumerate();
                    pairs.for_each_init(
                        || vec![0u8; PATCH],
                        |bytes, (i, (numbers, patch))| {
                            augmenter.apply(patch, bytes, SIDE, epoch, (b * BATCH + i) as u64);
                            normaliser.apply(bytes, numbers);
                        },
                    );
                    std::hint::black_box(&batch);
                }
                Done { items: (patches.len() / PATCH) as f64, check: None, saving: None }
            }))
        }
        "moran" => {
            let arrays = arrays()?;
            let flat = arrays.f64s("points").map_err(|e| e.to_string())?;
            let points: Vec<(f64, f64)> = flat.as_chunks::<2>().0.iter().map(|c| (c[0], c[1])).collect();
            let values = arrays.f64s("expression").map_err(|e| e.to_string())?;
            let genes = values.len() / points.len();
            Ok(Box::new(move || {
                let graph = Graph::new(nearest::knn(&points, 6).transformed(pinfold::stats::Transform::Rows));
                let all = graph.moran_all(genes, |spot, gene| values[spot * genes + gene]);
                // I, z and p, as the peer gives them.
                let sum: f64 = all.iter().flatten().map(|m| m.i + m.z_norm().unwrap_or(0.0) + m.p_norm().unwrap_or(0.0)).sum();
                Done { items: genes as f64, check: Some(sum), saving: None }
            }))
        }
        "sha256" => {
            let bytes = arrays()?.u8s("blob").map_err(|e| e.to_string())?.to_vec();
            Ok(Box::new(move || {
                let digest = Digest::of(&bytes);
                Done {
                    items: bytes.len() as f64 / 1e6,
                    check: Some(f64::from(u32::from_be_bytes([
                        digest.bytes()[0],
                        digest.bytes()[1],
                        digest.bytes()[2],
                        digest.bytes()[3],
                    ]))),
                    saving: None,
                }
            }))
        }
        _ => Err(format!("no task '{name}' in this build (a build without the train feature has no train_*)")),
    }
}

fn imagenet() -> Normaliser {
    Normaliser::new(ChannelOrder::Rgb, Layout::Hwc, IMAGENET_MEAN, IMAGENET_STD)
}
