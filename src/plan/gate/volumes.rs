//! Claims: how large they are, and whether they are still the same.

use super::{Moment, Verdict};
use crate::domain::{
    freshness::{Kind, SourceState},
    ids::ObjectKey,
    kubernetes::Claim,
    units::bytes,
};

fn claim<'a>(moment: &Moment<'a>, key: &ObjectKey) -> Result<Option<&'a Claim>, Verdict> {
    let watch = moment.reading.watch(Kind::Claims);
    if watch.state != SourceState::Live {
        return Err(Verdict::Wait(format!("claims cannot be seen: {}", watch.why.unwrap_or_default())));
    }
    Ok(moment.reading.world.kube.claims.get(key).map(AsRef::as_ref))
}

/// The claim has at least so many bytes, and nothing of the growing is left to do.
pub fn claim_has(moment: &Moment<'_>, key: &ObjectKey, size: u64) -> Result<Verdict, Verdict> {
    let Some(claim) = claim(moment, key)? else { return Ok(Verdict::Fail("it is gone".to_owned())) };
    let capacity = claim.capacity_bytes.unwrap_or_default();
    Ok(match claim.resizing.as_deref() {
        _ if capacity >= size => Verdict::Pass(bytes(capacity)),
        Some("FileSystemResizePending") => Verdict::Wait(
            "the volume has grown, and its file system grows when a pod mounts it: restart the broker if it does not"
                .to_owned(),
        ),
        Some(state) => Verdict::Wait(format!("it has {}, {state}", bytes(capacity))),
        None => Verdict::Wait(format!("it has {}", bytes(capacity))),
    })
}

/// Another claim of that name is there, and bound.
pub fn claim_is_replaced(moment: &Moment<'_>, key: &ObjectKey, uid: &str) -> Result<Verdict, Verdict> {
    Ok(match claim(moment, key)? {
        None => Verdict::Wait("the old one is gone, and there is no new one yet".to_owned()),
        Some(claim) if claim.meta.uid == uid && claim.meta.deleting_since.is_some() => {
            Verdict::Wait("the old one is ending".to_owned())
        }
        Some(claim) if claim.meta.uid == uid => Verdict::Wait("it is still the old one".to_owned()),
        Some(claim) if claim.phase != "Bound" => Verdict::Wait(format!("the new one is {}", claim.phase)),
        Some(_) => Verdict::Pass("it is".to_owned()),
    })
}
