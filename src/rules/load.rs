use std::path::PathBuf;
pub struct Text; 
pub fn default_dirs() -> Vec<PathBuf> { vec![] }
pub fn load(_: &[PathBuf]) -> Result<Vec<Text>, super::RulesError> { Ok(vec![]) }
