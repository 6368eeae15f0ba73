//! Digests of her2st's files as published by almaan/her2st, so that a changed file is named.

use crate::base::Digest;

/// What the files of a section are, as published.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Section, such as `C2`.
    pub section: &'static str,
    counts: &'static str,
    spots: &'static str,
    image: Option<&'static str>,
}

impl Known {
    /// The published digest of the file in a role: `counts`, `spots`, and for six sections `image`.
    pub fn digest(&self, role: &str) -> Option<Digest> {
        let hex = match role {
            "counts" => Some(self.counts),
            "spots" => Some(self.spots),
            "image" => self.image,
            _ => None,
        };
        hex.and_then(|h| Digest::parse(h).ok())
    }
}

/// The published facts of a section.
pub fn known(section: &str) -> Option<Known> {
    all().find(|k| k.section == section)
}

/// All 36 sections, in order.
pub fn all() -> impl Iterator<Item = Known> {
    TABLE.iter().map(|&(section, counts, spots, image)| Known { section, counts, spots, image })
}

/// Section; SHA-256 of `ST-cnts/<S>.tsv.gz`, of `ST-spotfiles/<S>_selection.tsv`, and of the image where it was seen.
#[rustfmt::skip]
const TABLE: [(&str, &str, &str, Option<&str>); 36] = [
    ("A1", "d91035e5d8a9c4ce7865e4c61446deec1a7318602d41b3220e9fcb3ce7e41fe3", "e5f79223be2ea2aebb082c4759059ab7079b0132052d0944209048ac57788c5d", None),
    ("A2", "1c84f44bfc0bce6d5647b78e4598e2456f769e29f72ca52911d5bc4be81e410c", "b21f48c8492ff1d71c0d0d396dbde64735ff8fa5419bcc6f5cffe60f68d7cb09", None),
    ("A3", "dd0107ff76b643d7b72330c7bfe282e2b27eb7dd58b77680b0e6bcbeae95852f", "09a5434745c4ce3c6859f3af00ea414a4b947685977e97f24595e77d1a0ff78e", None),
    ("A4", "3283ba1bf1550b26119966fe06a844d815e7fc73c493943b936dd3d933c4c331", "d1e41fb1d50ea04b55743f3c67104bdde46e1aea6a086e6cfdaf5109da0d2e02", None),
    ("A5", "ff40c29d552391b3a4c4f37bb8c5cefce82e4dc64a277d4b80e2425405c59722", "1237571fecfa2809292eeb7c7ee6b7da220a516121b94a71802cbbc971dc0daa", None),
    ("A6", "65b4f4d25b1afab5b6556c7a6aab2b8910562d03b173cebcf568ab7190695aec", "d771bdc9dcb386cce0e628339c9ff94e5392fff191790b31aba4d73ff44b7554", None),
    ("B1", "97b3abf2676c596ac7dd53829780005724cab62a6f676697516006481a443f74", "7ea9963677db80199db928d763b0b34ea1015fb7452e85ac7b21d42ee15c3875", None),
    ("B2", "b43cef41e3164ffe4a3b43b6ed396f664d971451d3dc151dea4d91a09e84d95c", "963e3f0b0e6eb17586788f2228dbd829ca7d13eb0211bf8b1a5685d3a33b8153", None),
    ("B3", "bd1fd03f33bdc14ca68a271525587d27b1e78323ea695413d274d6c388becf7a", "23b07cc9e5142802915cefedb7a8259766b58544fa7a2ac3eda21feaa267b9c9", None),
    ("B4", "e38231c2a38c9bc7e6d550eec0e527c1869ee0e525fc913e708d1323c34f5ebb", "192b46f3ca414c85753a01a4fb5760a697ca6c0a1aadb949c4687cc6efa9faa0", Some("3cb165614ce2a13426381e450220dccac980cc9bda6a90fb041c28ca0e2c753d")),
    ("B5", "05bdd1ea4234f62d5223f94a96d37f2f87b48e95062251560cdd676f5514948a", "dc206c6e6448e81ba55d01f16fa862d07f5f7087fe16772eab919355e43cd1a7", None),
    ("B6", "bfb2b4e5d99b6021c43f546a3e773c32f4f13a4b461cdd1684d364f9fe550e2b", "63b90d6283071d2db43d5486eeba0e76091998e64fa8c4a95b4501086c8aff33", None),
    ("C1", "8383130eebf0f9f8186f006ed6b704149ba62303605a312a9080fa9901be9c20", "9a5187c98d2c312064057d3bad192d4a19105b5135ff2b68f5e4547cade0954d", None),
    ("C2", "c1c59ea6cffae36b9ecb561b8e2a97e3aa5f4085f748e991a0e330ed9d09773d", "235b5f4306b3b57c628ffc82c98c7109602474fbcc79a917b9c50517f99b6b1c", Some("26e2f73ae840cdd46c5bba405aae181f13a56a376b9848dff23f7a9c5de7f19e")),
    ("C3", "e00c55a3eb9caac5d9c71b8906aae8be8b38f93e23938f4a0ebee17683ef6a2a", "7fd76c13370b7804ac3bb377b846d22485cf9223f9dd8dfc25be06e5aaf65755", Some("0005a92674014d473040a28f0afca89ce5fa5c44019b479b638ceb3272ceb568")),
    ("C4", "33201f76d41d7131dc600a0f87d9a70383af3503e81698b4d11e6f2e8d73e9da", "47e79f3b9dbfa3a8c18af9e948ba7ba4bf0a75ea1b4c292bc714ced7d0917d4c", Some("f40607eb1d5f0d125decd71c48b0c5d29cf6776ad92297fd185631208c82d6f2")),
    ("C5", "c0f310315ca6110d74dbdf7011e5b42432ba0b8eb5f001824764911988f39338", "2114cc3b4da759772112897f1e247d5443c9f8c808e6a9a952eb4fda379a194c", Some("34028ea41e376396b50c42b0a11a7e689c85be4a8022e668d0a09cc128c04c65")),
    ("C6", "60478b0d2411501866685f41312c65c6591e499d64d5b719be8ee9bab25c9bc8", "efdbbc6759c6af43baa966505c31705f09c087c1dccf1ea3e0d1db7b55717117", Some("dddd87232589648861a9b6776dc1749be8306213f6589aeef0e805fb2b1ee263")),
    ("D1", "8fe13d29763b3f6a9e85322dae97e05c4ca42b57cef4b1077c88b9b7b6a980ac", "7ba7843b52ddc2b147ee968fe9466a5d1fa0d884b51def292ce340d88da034eb", None),
    ("D2", "e63818ad8717b47ca949e082c1f28b9c807475b8d722a6f5c1acda7b618b5495", "5e0cadc230094060d071124cfb5ab6223d3dbb56b6aa6c3e4f8f9c8f1e329fb5", None),
    ("D3", "0bdfa82f3a2f4c659757cbd9f9b5734f9faabc44c4ee72094bf2b8609c86e01f", "e820564d7720c1fbc9910f5440368a43a2b862d617a9c107582ddb706af61a3b", None),
    ("D4", "4da2a65ffdd6ce52993e4f68b3730326c00ce9304cf8aebaf125efe9997fb898", "82e12ff5f14a9564fd0aa9755243e4412e6786fdb559210cef9c3c6ff35a05b0", None),
    ("D5", "a1592e1742913cd37f2534153467752ded6eade730d5acdc227daad55c9e551f", "f19eebb34f6a031fe766715d7f97a7682e201f30097fd0fa15ebf8f34ff95853", None),
    ("D6", "3b9ab37e0cacf7956da1354c8c0ee2a7fc5e12be78ccb4d10578df36a6bf7271", "82d80015e0e789bbbfe2d6ea033da43207a1803666a0ec5b162db380b3cc1cb7", None),
    ("E1", "b2f572ea0a95d256cb172a9284e96b6d2ff236398d4934a992df85c96d11c4cc", "a979c36f6310fff965c96f05ad290ca322d88e400b5aed2a1139fdd6f0e2da92", None),
    ("E2", "a725a87e1a74ef0c096d421664dd9100bf973e5768c28acfa9c17abb63677a95", "1beeac4b7a45e432eb4d9c34460e7a2a3342f77e0bb6dcffae66ae31b1584444", None),
    ("E3", "8030d33e51c2831f7c758ed0374baa9f121d2e2dce6decd47228ff070c7f0ac4", "f0fe37cfb98e3757587d0d43d45fc734b3627d336ccab4da179548b86c5c1d9c", None),
    ("F1", "187aa13f204d514851d3674dfa09b4a8d7f2676f1d40d2ef63e9e368c7cf672a", "cf479a5812c317541c7f7d6a4ebf1bfd93b0a1ab3eef35a8da15b9e76164f2f4", None),
    ("F2", "7de4ca7c3ccb923f4d636b21a4639284c66da9d97a93e1ab6712b3c453229c04", "3a9149a67b05971dfb27edb2261d9ffd2443543021356b0d46f26d8237c1a20d", None),
    ("F3", "6b7eb2d7ff8c6a8826cfba304de2d3b87bb8e30f68d050b83007de9888546743", "106ba9b275b29fd745116b8961a1a0bb39ec41d9d0433932d6b129f98a46c093", None),
    ("G1", "396153436dfc39e199bdc01447b3f8929aef598d7064c0c24a33da00f54570ea", "0e2f630e09a7c0e1869918c0c9afebcff36b86006a6809533fb09405c831a01d", None),
    ("G2", "9d51a5ed85bdf60069dcf51beeffba4e90e35e8630ec3b707a2453ffdd608e3b", "abae30bb6f434cb2aae34b8ef56da6b613c840d48c49279d55f4600ad496245c", None),
    ("G3", "9fd3c8efb94239b567157860224a33417d798a65d3a28fb9982651795cb2259e", "6f258aa6b4d432d29f0b7ba4a9be64ac7e58fbc430523a41e4eb5bdf13127272", None),
    ("H1", "90b391782535f38c9ab20fe8b38f44ebbfdad2201075a677a198cbef12c29b07", "fc9cc5bad3a1e26e48f435696259df38b500042a9565486c15fd37ab7d8f9ed6", None),
    ("H2", "e839f271f2cde0ccf8f43f4358133f066be5d75d982839eba75abd7967486a34", "c38d3ade8b5674633097b23a66a554831193cee48ba54a7d7418291a9f5533f9", None),
    ("H3", "5771d4793f4e1377ed066f27cdbc703d3317c81b7dd5323a175d2227c7e3ae1d", "430da6f95105eb660f4e8b9b688d44d0d28b3ff66fee3e201cc160ee5739a28c", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(all().count(), 36);
        assert!(all().all(|k| k.digest("counts").is_some() && k.digest("spots").is_some()));
        assert_eq!(all().filter(|k| k.digest("image").is_some()).count(), 6);
        assert!(known("C2").is_some() && known("C7").is_none());
    }
}
