//! Triples: fields and canonical form.
