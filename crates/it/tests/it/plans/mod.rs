//! What readers may use, and trials of more.

mod campaigns;
mod trials;
mod usage;
