//! What a member of a classic group was assigned: ConsumerProtocolAssignment, an opaque field of DescribeGroups.
//!
//! Its counts are plain i32 and members write it, not brokers, so it is read by hand.

use bytes::{Buf, Bytes};

/// Topics and partitions of an assignment; `None` when it is not readable. An empty one is no assignment.
pub fn assigned(bytes: &Bytes) -> Option<Vec<(String, i32)>> {
    let mut buf = bytes.clone();
    let mut partitions = Vec::new();
    if buf.is_empty() {
        return Some(partitions);
    }
    buf.try_get_i16().ok()?;
    for _ in 0..count(&mut buf)? {
        let length = usize::try_from(buf.try_get_i16().ok()?).ok()?;
        if length > buf.remaining() {
            return None;
        }
        let topic = String::from_utf8(buf.split_to(length).to_vec()).ok()?;
        let indexes = count(&mut buf)?;
        if indexes.saturating_mul(4) > buf.remaining() {
            return None;
        }
        partitions.extend((0..indexes).map(|_| (topic.clone(), buf.get_i32())));
    }
    Some(partitions)
}

/// A count of elements.
fn count(buf: &mut Bytes) -> Option<usize> {
    usize::try_from(buf.try_get_i32().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_and_never_beyond_its_end() {
        let good =
            Bytes::from_static(&[0, 1, 0, 0, 0, 1, 0, 1, b'a', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 255, 255, 255, 255]);
        assert_eq!(assigned(&good), Some(vec![("a".to_owned(), 0), ("a".to_owned(), 5)]));
        assert_eq!(assigned(&Bytes::new()), Some(vec![]));
        for length in 1..good.len() - 4 {
            assert_eq!(assigned(&good.slice(..length)), None, "{length}");
        }
        assert_eq!(assigned(&Bytes::from_static(&[0, 1, 127, 255, 255, 255])), None);
    }
}
