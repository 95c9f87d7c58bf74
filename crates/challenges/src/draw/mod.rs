//! What the kinds of challenge draw with. It knows shapes, smooth noise, lines, colours and file formats, and nothing of
//! any challenge.
//!
//! Pictures are small and made per request, so everything here is integer arithmetic over whole rows, which the compiler
//! turns into vector instructions; floating point is kept for what happens once a picture or once a row.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic on pictures of a few hundred pixels: ranges are stated where they are not obvious"
)]

pub(crate) mod canvas;
pub(crate) mod cells;
pub(crate) mod disc;
pub(crate) mod encode;
pub(crate) mod field;
pub(crate) mod lattice;
pub(crate) mod outline;
pub(crate) mod palette;
pub(crate) mod wave;
