//! What a member of a classic group was assigned: ConsumerProtocolAssignment, an opaque field of DescribeGroups.
//!
//! Its counts are plain i32 and members write it, not brokers, so it is read by hand, and written so.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

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

/// An assignment as members write it: version 0, partitions by topic, no user data.
pub fn assign(partitions: &[(String, i32)]) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, index) in partitions {
        topics.entry(topic).or_default().push(*index);
    }
    let mut buf = BytesMut::new();
    buf.put_i16(0);
    buf.put_i32(topics.len() as i32);
    for (topic, indexes) in topics {
        buf.put_i16(topic.len() as i16);
        buf.put_slice(topic.as_bytes());
        buf.put_i32(indexes.len() as i32);
        for index in indexes {
            buf.put_i32(index);
        }
    }
    buf.put_i32(-1);
    buf.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let some = [("b", 3), ("a", 0), ("a", 5)].map(|(topic, index)| (topic.to_owned(), index));
        let mut read = assigned(&assign(&some)).unwrap();
        read.reverse();
        assert_eq!(read, [some[0].clone(), some[2].clone(), some[1].clone()]);
        assert_eq!(assigned(&assign(&[])), Some(vec![]));
    }

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
