//! clang serves every target, so its jobs may name one of their own.

use super::{Deciding, Wanted};
use crate::abi::triple::Triple;
use crate::abi::{clang, Target};

impl Deciding<'_> {
    /// The target that the job itself states; only clang's drivers know `--target`.
    pub(super) fn stated_target(&self) -> Option<&str> {
        let stated = self.request.job.target?;
        self.request.name.tool.is_clang().then_some(())?;
        std::str::from_utf8(stated).ok()
    }

    /// A job that states another target than its name does is for that one: a 32-bit vdso, a kernel
    /// with LLVM=1, BPF. The defaults of the name's triple are another machine's then.
    pub(super) fn of_own_target(&mut self, mut wanted: Wanted) -> Wanted {
        let Some(stated) = self.stated_target().filter(|_| wanted.own_target.is_none()) else {
            return wanted;
        };
        let parsed = Triple::parse(stated).ok();
        let named = wanted.triple.as_deref().and_then(|t| Triple::parse(t).ok());
        if parsed
            .as_ref()
            .zip(named.as_ref())
            .is_some_and(|(a, b)| a.equivalent(b))
        {
            return wanted;
        }
        let stated = stated.to_owned();
        if wanted.triple.is_some() {
            self.note(format!("the job is for {stated}, its own target"));
        }
        wanted.target = parsed.map_or_else(Target::default, |t| clang::reads(&t));
        wanted.settings.defaults = None;
        wanted.own_target = Some(stated);
        wanted
    }
}
