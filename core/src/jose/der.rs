//! As much of DER (X.690 §10) as it takes to find the public key in a certificate or a SubjectPublicKeyInfo.
//!
//! Nothing of a certificate but its key is looked at: it is trusted because the key set is, not because anyone signed it.

/// The tags met on the way.
pub(super) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    /// `[0] EXPLICIT`: the version of a certificate.
    pub(crate) const VERSION: u8 = 0xa0;
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all has been read.
    pub(super) const fn is_at_end(self) -> bool {
        self.rest.is_empty()
    }

    /// The content of the next element, if it has this tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content, rest) = split_element(self.rest)?;
        if found != tag {
            return None;
        }
        self.rest = rest;
        Some(content)
    }

    /// The next element, which must be a sequence, to be read on its own.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.read(tag::SEQUENCE).map(Self::new)
    }

    /// Passes over the next element, whatever it is.
    pub(super) fn skip(&mut self) -> Option<()> {
        let (_, _, rest) = split_element(self.rest)?;
        self.rest = rest;
        Some(())
    }

    /// Passes over the next element if it has this tag.
    pub(super) fn skip_optional(&mut self, tag: u8) -> Option<()> {
        if self.rest.first() == Some(&tag) { self.skip() } else { Some(()) }
    }

    /// The next bit string, if it consists of whole bytes.
    pub(super) fn whole_bytes(&mut self) -> Option<&'a [u8]> {
        match self.read(tag::BIT_STRING)?.split_first()? {
            (0, bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Tag, content and what follows. Lengths of more than three bytes are beyond any key set.
fn split_element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_in_order_and_by_tag() {
        let mut reader = Reader::new(&[0x30, 0x03, 0x02, 0x01, 0x05, 0x03, 0x02, 0x00, 0x07]);
        let mut inner = reader.sequence().expect("a sequence");
        assert_eq!(inner.read(tag::INTEGER), Some(&[5][..]));
        assert!(inner.is_at_end());
        assert_eq!(reader.whole_bytes(), Some(&[7][..]));
        assert_eq!(reader.skip(), None);
    }

    #[test]
    fn lengths_that_reach_beyond_the_end_are_refused() {
        for bytes in [
            &[0x30][..],
            &[0x30, 0x01],
            &[0x30, 0x82, 0x01],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x84, 0, 0, 0, 0],
            &[0x30, 0x83, 0xff, 0xff, 0xff, 0],
        ] {
            assert!(Reader::new(bytes).sequence().is_none(), "{bytes:x?}");
        }
    }
}
