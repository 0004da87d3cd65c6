use super::*;
pub struct RuleSet<'a>(pub &'a [super::load::Text]);
pub struct Section;
impl Section { pub fn pattern(&self) -> &str { "" } pub fn names(&self) -> Vec<String> { vec![] } }
impl<'a> RuleSet<'a> { pub fn parse(t: &'a [super::load::Text]) -> Result<Self, RulesError> { Ok(RuleSet(t)) }
 pub fn parse_all(t: &'a [super::load::Text]) -> (Self, Vec<RulesError>) { (RuleSet(t), vec![]) }
 pub fn settings(&self, _: &dyn Subject) -> Settings { Settings::default() }
 pub fn sections(&self) -> std::vec::IntoIter<Section> { vec![].into_iter() } }
