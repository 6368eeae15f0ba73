//! Floor: tui.

/// Opens the workbench.
pub fn open(_: crate::engine::Workspace) -> crate::base::Result<()> {
    Ok(())
}
