//! Which characters Python's `repr` shows as they are.

/// Ranges of code points that are not printable, in ascending order: controls, formats, surrogates, private use,
/// separators but the blank, and what no Unicode version assigns: noncharacters and unused planes. Code points that are
/// not assigned yet within scripts are left out: which ones differs between versions of Python.
const HIDDEN: [(u32, u32); 26] = [
    (0x00, 0x1f),
    (0x7f, 0xa0),
    (0xad, 0xad),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x1680, 0x1680),
    (0x180e, 0x180e),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x3000, 0x3000),
    (0xd800, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfeff, 0xfeff),
    (0xfff0, 0xfffb),
    (0x1_10bd, 0x1_10bd),
    (0x1_10cd, 0x1_10cd),
    (0x1_3430, 0x1_343f),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0x3_3480, 0xe_00ff),
    // Between them are the variation selectors.
    (0xe_01f0, u32::MAX),
];

/// Whether Python shows a character as it is. Characters that are not assigned yet within scripts count as shown.
pub(crate) fn printable(point: u32) -> bool {
    let next = HIDDEN.partition_point(|(first, _)| *first <= point);
    let hidden = next.checked_sub(1).is_some_and(|at| point <= HIDDEN[at].1);
    // The last two of every plane are noncharacters.
    !hidden && point & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_ascend_and_do_not_touch() {
        let pairs = HIDDEN.windows(2);
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(pairs.clone().all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn letters_marks_signs_and_the_blank_are_shown_and_what_has_no_shape_is_not() {
        for shown in
            " a~\u{a1}é\u{ae}\u{301}א\u{e31}\u{200b0}日\u{fffc}\u{fffd}\u{1f469}\u{3134a}\u{e0100}".chars()
        {
            assert!(printable(u32::from(shown)), "{shown:?}");
        }
        for hidden in "\0\n\u{1b}\u{7f}\u{85}\u{a0}\u{ad}\u{600}\u{61c}\u{1680}\u{180e}\u{2000}\u{200b}\u{200d}\u{200e}\
                       \u{2028}\u{2029}\u{202e}\u{202f}\u{205f}\u{2060}\u{2065}\u{2069}\u{3000}\u{e000}\u{fdd0}\u{feff}\
                       \u{fff9}\u{fffe}\u{ffff}\u{110bd}\u{13430}\u{1d173}\u{1fffe}\u{40000}\u{e0001}\u{e0041}\
                       \u{e01f0}\u{f0000}\u{fffff}\u{10ffff}"
            .chars()
        {
            assert!(!printable(u32::from(hidden)), "{hidden:?}");
        }
        assert!(!printable(0xd800) && !printable(0xdfff) && !printable(u32::MAX));
    }
}
