//! `cargo bench --bench pinfold`: patches per second (decode, crop, augment), training images per second (with the
//! `train` feature), hashing rate and Moran's I. For ratios against Python, see `scripts/bench_peers.sh`.

#[path = "../work/mod.rs"]
mod work;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use pinfold::base::Digest;
use pinfold::dataset::image::decode_bytes;
use pinfold::histology::normalise::{IMAGENET_MEAN, IMAGENET_STD};
use pinfold::histology::{Augmenter, Border, ChannelOrder, Cutter, ImageView, Layout, Normaliser, Preset, Rounding};
use pinfold::stats::moran::Graph;
use pinfold::stats::nearest;
use std::hint::black_box;

const SIDE: usize = 224;

fn decode_and_crop(c: &mut Criterion) {
    let picture = work::tissue(2048, 2048);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode(&picture.pixels, picture.width, picture.height, image::ExtendedColorType::Rgb8)
        .expect("encode");
    let mut group = c.benchmark_group("patches");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(picture.pixels.len() as u64));
    group.bench_function("decode a JPEG (bytes of pixels)", |b| b.iter(|| decode_bytes(black_box(&jpeg), "bench").expect("decode")));
    let centres = work::centres(picture.width, picture.height, 112, 80);
    let view = ImageView::new(2048, 2048, &picture.pixels).expect("view");
    group.throughput(Throughput::Elements(centres.len() as u64));
    for side in [224, 112, 64] {
        let cutter = Cutter::new(SIDE, side, Rounding::HalfEven, Border::Refuse).expect("cutter");
        group.bench_with_input(BenchmarkId::new("crop 224 px to", side), &cutter, |b, cutter| {
            b.iter(|| cutter.cut(&view, black_box(&centres)).expect("cut"))
        });
    }
    group.finish();
}

fn augment(c: &mut Criterion) {
    let patch = work::tissue(SIDE as u32, SIDE as u32).pixels;
    let (mut bytes, mut numbers) = (vec![0u8; patch.len()], vec![0f32; patch.len()]);
    let normaliser = Normaliser::new(ChannelOrder::Rgb, Layout::Hwc, IMAGENET_MEAN, IMAGENET_STD);
    let mut group = c.benchmark_group("augment a patch of 224 px");
    group.throughput(Throughput::Elements(1));
    for preset in Preset::ALL {
        let augmenter = Augmenter::new(preset, 1, 0);
        let mut sample = 0;
        group.bench_function(preset.name(), |b| {
            b.iter(|| {
                sample += 1;
                augmenter.apply(black_box(&patch), &mut bytes, SIDE, 0, sample);
            });
        });
    }
    group.bench_function("normalise", |b| b.iter(|| normaliser.apply(black_box(&patch), &mut numbers)));
    group.finish();
}

fn hash(c: &mut Criterion) {
    let bytes: Vec<u8> = (0..64u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut group = c.benchmark_group("hash");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("SHA-256", |b| b.iter(|| Digest::of(black_box(&bytes))));
    group.finish();
}

fn moran(c: &mut Criterion) {
    let (points, values) = work::expression();
    let (_, genes, k) = work::MORAN;
    let mut group = c.benchmark_group("Moran's I");
    group.sample_size(10);
    group.throughput(Throughput::Elements(genes as u64));
    group.bench_function("2,000 spots, knn 6, weights included (genes)", |b| {
        b.iter(|| Graph::new(nearest::knn(black_box(&points), k)).moran_all(genes, |spot, gene| values[spot * genes + gene]));
    });
    group.finish();
}

/// A training writes two lines of progress a second at most.
fn journal(c: &mut Criterion) {
    use pinfold::engine::journal::{Event, Journal};
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::open(&dir.path().join("journal.jsonl")).expect("a journal");
    let mut done = 0;
    c.bench_function("a line of the journal, on disk", |b| {
        b.iter(|| {
            done += 1;
            let event = Event::Progress { label: "train[holdout]".into(), done, total: 1 << 40, unit: "images".into(), rate: 31.4 };
            journal.append(event).expect("written");
        });
    });
}

#[cfg(feature = "train")]
fn train(c: &mut Criterion) {
    use pinfold::nn::{BackboneKind, Head, Regressor, store};
    use pinfold::train::adam::{Adam, Kernel};
    use tch::{Device, Kind, Tensor};
    let mut group = c.benchmark_group("train (images)");
    group.sample_size(10);
    group.throughput(Throughput::Elements(32));
    for side in [64, 224] {
        let head = Head { hidden: 512, dropout: 0.5, outputs: 250 };
        let net = Regressor::new(BackboneKind::EfficientNetB0, head, 1, Device::Cpu).expect("network");
        let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).expect("optimiser");
        let images = store::channels_last(&Tensor::randn([32, 3, side, side], (Kind::Float, Device::Cpu))).expect("layout");
        let truth = Tensor::randn([32, 250], (Kind::Float, Device::Cpu));
        group.bench_function(BenchmarkId::new("EfficientNet-B0, batch 32", side), |b| {
            b.iter(|| pinfold::train::fit::step(&net, &mut adam, &images, &truth, 1, 1e-4).expect("step"));
        });
    }
    group.finish();
}

#[cfg(not(feature = "train"))]
fn train(_: &mut Criterion) {
    eprintln!("skipped: training needs the 'train' feature");
}

criterion_group!(benches, decode_and_crop, augment, hash, moran, journal, train);
criterion_main!(benches);
