// SPDX-License-Identifier: GPL-2.0-only

//! A profile as the run-time library of LLVM 19 writes it at the end of a program, which a module
//! does not have. See `llvm/ProfileData/InstrProfData.inc`, which says what is in it.

use anyhow::{ensure, Context, Result};
use object::{
    elf::R_X86_64_PC64, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    Section, SectionIndex,
};

/// What leads from a record to the counters of its function.
const TO_COUNTERS: RelocationFlags = RelocationFlags::Elf {
    r_type: R_X86_64_PC64,
};

/// "lprofr" between 255 and 129, for values of 64 bits.
const MAGIC: u64 = u64::from_be_bytes(*b"\xfflprofr\x81");

/// The version of the format. LLVM refuses another than its own.
const VERSION: u64 = 10;

/// The last of the kinds of values that can be profiled, which are not.
const LAST_VALUE_KIND: u64 = 2;

/// How long the record of a function is.
const RECORD: usize = 64;

/// Puts a profile together from the module's file and the counters of its functions.
pub fn raw_profile(module: &[u8], counters: &[u8]) -> Result<Vec<u8>> {
    let module = object::File::parse(module)?;
    let section = |name| {
        let section = module.section_by_name(name);
        section.with_context(|| format!("no section {name}: the module does not count"))
    };
    let places = section("__llvm_prf_cnts")?;
    ensure!(
        places.size() == counters.len() as u64,
        "the counters are those of another module"
    );
    let records = records(&module, &section("__llvm_prf_data")?, places.index())?;
    let names = section("__llvm_prf_names")?.data()?;
    let header = [
        MAGIC,
        VERSION,
        0, // bytes of build identifiers
        (records.len() / RECORD) as u64,
        0, // padding
        (counters.len() / size_of::<u64>()) as u64,
        0, // padding
        0, // bitmaps
        0, // padding
        names.len() as u64,
        0, // where counters begin, relative to the records
        0, // where bitmaps begin
        0, // where names begin
        0, // tables of virtual functions
        0, // names of these
        LAST_VALUE_KIND,
    ];
    let mut profile: Vec<u8> = header.into_iter().flat_map(u64::to_le_bytes).collect();
    profile.extend(records);
    profile.extend(counters);
    profile.extend(names);
    profile.resize(profile.len().next_multiple_of(size_of::<u64>()), 0);
    Ok(profile)
}

/// The records of all functions, relocated as if they and the counters both were at address 0.
fn records(
    module: &object::File<'_>,
    section: &Section<'_, '_>,
    counters: SectionIndex,
) -> Result<Vec<u8>> {
    let mut records = section.data()?.to_vec();
    for (offset, relocation) in section.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            anyhow::bail!("a record refers to no symbol");
        };
        let symbol = module.symbol_by_index(symbol)?;
        ensure!(
            relocation.flags() == TO_COUNTERS && symbol.section_index() == Some(counters),
            "a record refers to something else than its counters"
        );
        let place = offset as usize;
        let field = records.get_mut(place..place + size_of::<u64>());
        let field = field.context("a relocation outside of the records")?;
        let target = symbol.address().wrapping_add_signed(relocation.addend());
        field.copy_from_slice(&target.wrapping_sub(offset).to_le_bytes());
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{write, Architecture, BinaryFormat, Endianness, SectionKind};

    /// A module of two functions, which have two counters and one.
    fn module() -> Vec<u8> {
        let mut module =
            write::Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let mut section = |name: &str, content: &[u8]| {
            let kind = SectionKind::Data;
            let section = module.add_section(Vec::new(), name.into(), kind);
            module.append_section_data(section, content, 8);
            section
        };
        let counters = section("__llvm_prf_cnts", &[0; 24]);
        let records = section("__llvm_prf_data", &[0; 2 * RECORD]);
        section("__llvm_prf_names", b"names");
        let symbol = module.section_symbol(counters);
        for (offset, addend) in [(16, 16), (80, 32)] {
            let relocation = write::Relocation {
                offset,
                symbol,
                addend,
                flags: TO_COUNTERS,
            };
            module.add_relocation(records, relocation).unwrap();
        }
        module.write().unwrap()
    }

    #[test]
    fn records_lead_to_their_counters() {
        let counters = [[1; 8], [2; 8], [3; 8]].concat();
        let profile = raw_profile(&module(), &counters).unwrap();
        let word = |at: usize| i64::from_le_bytes(profile[at..at + 8].try_into().unwrap());
        let header = 128;
        let after = header + 2 * RECORD;
        assert_eq!((word(24), word(40), word(72)), (2, 3, 5));
        // Relative to each record; the second's follow 16 bytes of the first's.
        assert_eq!(word(header + 16), 0);
        assert_eq!(word(header + RECORD + 16), 16 - RECORD as i64);
        assert_eq!(profile[after..after + 24], counters);
        assert_eq!(profile[after + 24..], *b"names\0\0\0");
    }

    #[test]
    fn counters_of_another_module_are_refused() {
        assert!(raw_profile(&module(), &[0; 32]).is_err());
    }
}
