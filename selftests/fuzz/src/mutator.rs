// SPDX-License-Identifier: GPL-2.0
//! Mutations of whole records. Those of single bytes are the library's.

use crate::record::{Record, MOST, SIZE};
use libafl::{
    corpus::{Corpus, CorpusId},
    inputs::BytesInput,
    mutators::{MutationResult, Mutator},
    random_corpus_id,
    state::{HasCorpus, HasRand},
    Error,
};
use libafl_bolts::{rands::Rand, Named};
use std::borrow::Cow;

/// Adds, removes, moves or replaces a record, or takes some of another input.
#[derive(Default)]
pub struct RecordMutator;

/// A new record.
pub fn random_record(random: &mut impl Rand) -> [u8; SIZE] {
    let mut bytes = [0; 2 * SIZE];
    for half in bytes.chunks_exact_mut(SIZE) {
        half.copy_from_slice(&random.next().to_le_bytes());
    }
    Record::plain(bytes).bytes()
}

impl Named for RecordMutator {
    fn name(&self) -> &Cow<'static, str> {
        static NAME: Cow<'static, str> = Cow::Borrowed("RecordMutator");
        &NAME
    }
}

impl<S: HasRand + HasCorpus<BytesInput>> Mutator<BytesInput, S> for RecordMutator {
    fn mutate(&mut self, state: &mut S, input: &mut BytesInput) -> Result<MutationResult, Error> {
        let other = other_input(state)?;
        let random = state.rand_mut();
        let bytes: &mut Vec<u8> = input.as_mut();
        bytes.truncate(bytes.len() / SIZE * SIZE);
        let number = bytes.len() / SIZE;
        let place = SIZE * random.below_or_zero(number + 1);
        let old = place.min(bytes.len().saturating_sub(SIZE));
        let is_full = number >= MOST;
        match random.below_or_zero(8) {
            0..=2 if !is_full => {
                let record = random_record(random);
                bytes.splice(place..place, record);
            }
            3 if number > 1 => drop(bytes.drain(old..old + SIZE)),
            4 if number > 0 && !is_full => {
                let copy = bytes[old..old + SIZE].to_vec();
                let place = SIZE * random.below_or_zero(number + 1);
                bytes.splice(place..place, copy);
            }
            5 if number > 0 => {
                bytes.splice(old..old + SIZE, random_record(random));
            }
            6 if !other.is_empty() => {
                // The start of this one, and the end of the other.
                let from = SIZE * random.below_or_zero(other.len() / SIZE);
                bytes.truncate(place);
                bytes.extend_from_slice(&other[from..]);
                bytes.truncate(MOST * SIZE);
            }
            7 if !other.is_empty() => {
                // Some of the other in the middle of this one.
                let from = SIZE * random.below_or_zero(other.len() / SIZE);
                let some = SIZE * (1 + random.below_or_zero(8));
                let some = other[from..other.len().min(from + some)].to_vec();
                bytes.splice(place..place, some);
                bytes.truncate(MOST * SIZE);
            }
            _ => return Ok(MutationResult::Skipped),
        }
        Ok(MutationResult::Mutated)
    }

    fn post_exec(&mut self, _: &mut S, _: Option<CorpusId>) -> Result<(), Error> {
        Ok(())
    }
}

/// Whole records of an input of the corpus, whichever; none if there is no input.
fn other_input<S: HasRand + HasCorpus<BytesInput>>(state: &mut S) -> Result<Vec<u8>, Error> {
    if state.corpus().count() == 0 {
        return Ok(Vec::new());
    }
    let id = random_corpus_id!(state.corpus(), state.rand_mut());
    let other = state.corpus().cloned_input_for_id(id)?;
    let mut other = other.into_inner();
    other.truncate(other.len() / SIZE * SIZE);
    Ok(other)
}
