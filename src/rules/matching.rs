//! Which sections hold for a request, and what they say together.

use std::path::Path;
use std::rc::Rc;

use ipnet::IpNet;

use super::error::RulesError;
use super::keys::{self, Key};
use super::load::Text;
use super::parse::{parse, words, At, Conditions, Entry, Section, PROGRAM};
use super::{LogTo, Origin, Program, Settings, Sourced, Subject};

/// All rules files, in order.
#[derive(Debug, Default)]
pub struct RuleSet<'a> {
    files: Vec<(Rc<Path>, Vec<Section<'a>>)>,
}

/// A section as `list` and `install` see it.
#[derive(Clone, Copy, Debug)]
pub struct SectionView<'a> {
    file: &'a Rc<Path>,
    section: &'a Section<'a>,
}

impl<'a> SectionView<'a> {
    /// The request pattern.
    pub fn pattern(&self) -> &'a str {
        self.section.pattern
    }

    /// The whole header: pattern and conditions.
    pub fn header(&self) -> &'a str {
        self.section.header
    }

    /// Whether it is about the program itself and not about requests.
    pub fn is_programs(&self) -> bool {
        self.pattern() == PROGRAM
    }

    /// The network of the condition `from`.
    pub fn from(&self) -> Option<IpNet> {
        self.section.conditions.from
    }

    /// The triple of `as`.
    pub fn renames_to(&self) -> Option<String> {
        let mut entries = self.section.entries.iter();
        let as_ = entries.find(|e| e.key == Key::As)?;
        words(as_.value).pop()
    }

    /// The literal triples of `names`.
    pub fn names(&self) -> Vec<String> {
        let entries = self.section.entries.iter();
        let names = entries.filter(|e| e.key == Key::Names);
        names.flat_map(|e| words(e.value)).collect()
    }

    /// The line of its header.
    pub fn origin(&self) -> Origin {
        Origin::File {
            file: self.file.clone(),
            line: self.section.line,
        }
    }
}

impl<'a> RuleSet<'a> {
    /// Parses every file.
    ///
    /// # Errors
    /// The first fault: a set with a fault in it is never used.
    pub fn parse(texts: &'a [Text]) -> Result<RuleSet<'a>, RulesError> {
        let mut first = None;
        let set = Self::collect(texts, &mut |error| {
            first = Some(error);
            false
        });
        first.map_or(Ok(set), Err)
    }

    /// Parses every file and gives every fault, for `check`.
    pub fn parse_all(texts: &'a [Text]) -> (RuleSet<'a>, Vec<RulesError>) {
        let mut errors = Vec::new();
        let set = Self::collect(texts, &mut |error| {
            errors.push(error);
            true
        });
        (set, errors)
    }

    fn collect(texts: &'a [Text], report: &mut dyn FnMut(RulesError) -> bool) -> RuleSet<'a> {
        let mut files = Vec::with_capacity(texts.len());
        for text in texts {
            let mut go_on = true;
            let sections = parse(&text.bytes, &mut |at: At| {
                go_on = report(RulesError::Text {
                    file: text.path.clone(),
                    line: at.line,
                    column: at.column,
                    fault: at.fault,
                });
                go_on
            });
            files.push((text.path.clone(), sections));
            if !go_on {
                break;
            }
        }
        RuleSet { files }
    }

    /// Every section, in order.
    pub fn sections(&self) -> impl Iterator<Item = SectionView<'_>> {
        self.files.iter().flat_map(|(file, sections)| {
            let views = sections.iter();
            views.map(move |section| SectionView { file, section })
        })
    }

    /// What the `[ccroute]` sections say; the later wins, key by key.
    pub fn program(&self) -> Program {
        let mut program = Program::default();
        let sections = self.sections().filter(SectionView::is_programs);
        for entry in sections.flat_map(|s| &s.section.entries) {
            match entry.key {
                Key::Log => {
                    let word = words(entry.value).pop().unwrap_or_default();
                    program.log = match word.as_str() {
                        "off" => LogTo::Off,
                        "syslog" => LogTo::Syslog,
                        _ => LogTo::File(word.into()),
                    };
                }
                Key::LogLevel => {
                    program.level = keys::log_level(entry.value).unwrap_or_default();
                }
                _ => {}
            }
        }
        program
    }

    /// What the sections that hold say together: in file order, the later wins, key by key.
    pub fn settings(&self, subject: &dyn Subject) -> Settings {
        let mut settings = Settings::default();
        let mut as_by_address = false;
        let triple = subject.triple();
        for SectionView { file, section } in self.sections() {
            if !means(section, triple) || !hold(&section.conditions, subject) {
                continue;
            }
            let by_address = section.conditions.from.is_some();
            for entry in &section.entries {
                // A rename by address outranks one without, in whatever order they are.
                if entry.key == Key::As {
                    if as_by_address && !by_address {
                        continue;
                    }
                    as_by_address = by_address;
                }
                merge(&mut settings, entry, file);
            }
        }
        settings
    }
}

/// Keys that tell which compiler a triple means.
const TARGETS: [Key; 4] = [Key::Use, Key::Defaults, Key::As, Key::Refuse];

impl RuleSet<'_> {
    /// Whether a section whose pattern matches this spelling tells which compiler it means.
    pub fn speak_of(&self, triple: &str) -> bool {
        let mut sections = self.sections();
        sections.any(|SectionView { section, .. }| {
            let tells = section.entries.iter().any(|e| TARGETS.contains(&e.key));
            tells && means(section, Some(triple))
        })
    }
}

/// Whether a section's pattern means the triple that was asked for, or a native name.
fn means(section: &Section<'_>, triple: Option<&str>) -> bool {
    let pattern = section.pattern;
    match triple {
        Some(triple) if section.glob => matches(pattern, triple),
        Some(triple) => pattern == triple && triple != NATIVE && triple != PROGRAM,
        None => pattern == NATIVE,
    }
}

/// Whether a section's conditions hold; the dear questions come last.
fn hold(conditions: &Conditions<'_>, subject: &dyn Subject) -> bool {
    conditions.tool.is_none_or(|t| matches(t, subject.tool()))
        && conditions.place.is_none_or(|p| p == subject.place())
        && conditions
            .from
            .is_none_or(|net| subject.from().is_some_and(|a| net.contains(&a)))
        && conditions
            .kernel
            .is_none_or(|k| subject.kernel().is_some_and(|arch| matches(k, arch)))
        && conditions
            .source
            .is_none_or(|s| subject.source().is_some_and(|t| matches(s, t)))
}

/// The pattern that stands for names without a triple.
const NATIVE: &str = "native";

fn matches(pattern: &str, text: &str) -> bool {
    // A glob's plain beginning tells most of them from most texts without compiling them.
    let (plain, _) = pattern.split_at(pattern.find(['*', '?', '[']).unwrap_or(pattern.len()));
    text.starts_with(plain) && glob::Pattern::new(pattern).is_ok_and(|p| p.matches(text))
}

fn merge(settings: &mut Settings, entry: &Entry<'_>, file: &Rc<Path>) {
    let origin = || Origin::File {
        file: file.clone(),
        line: entry.line,
    };
    let word = || words(entry.value).pop().unwrap_or_default();
    let list = |slot: &mut Option<Sourced<Vec<String>>>| {
        let mut value = words(entry.value);
        if entry.adds {
            if let Some(before) = slot.take() {
                value.splice(0..0, before.value);
            }
        }
        let origin = origin();
        *slot = Some(Sourced { value, origin });
    };
    fn sourced<T>(value: Option<T>, origin: Origin) -> Option<Sourced<T>> {
        value.map(|value| Sourced { value, origin })
    }
    match entry.key {
        Key::Use => {
            settings.refuse = None;
            list(&mut settings.use_);
        }
        Key::Refuse => {
            let reason = words(entry.value).join(" ");
            settings.refuse = sourced(Some(reason), origin());
        }
        Key::Path => list(&mut settings.path),
        Key::Names => list(&mut settings.names),
        Key::Defaults => list(&mut settings.defaults),
        Key::Flags => list(&mut settings.flags),
        Key::ForceFlags => list(&mut settings.force_flags),
        Key::DropFlags => list(&mut settings.drop_flags),
        Key::Environment => list(&mut settings.environment),
        Key::Proof => settings.proof = sourced(Some(entry.value.to_owned()), origin()),
        Key::Tool => {
            settings.tools.retain(|(name, _)| name != entry.name);
            let tool = Sourced {
                value: word(),
                origin: origin(),
            };
            settings.tools.push((entry.name.to_owned(), tool));
        }
        Key::As => settings.as_ = sourced(Some(word()), origin()),
        Key::Send => settings.send = sourced(Some(word()), origin()),
        Key::Version => settings.version = sourced(keys::version_match(entry.value), origin()),
        Key::ExpandMacros => {
            settings.expand_macros = sourced(keys::expand_macros(entry.value), origin());
        }
        Key::Fallback => settings.fallback = sourced(keys::fallback(entry.value), origin()),
        Key::OnRefuse => settings.on_refuse = sourced(keys::on_refuse(entry.value), origin()),
        Key::Sandbox => settings.sandbox = sourced(keys::sandbox(entry.value), origin()),
        Key::LimitMemory => settings.limit_memory = sourced(keys::size(entry.value), origin()),
        Key::LimitCpu => settings.limit_cpu = sourced(keys::seconds(entry.value), origin()),
        Key::LimitFileSize => {
            settings.limit_file_size = sourced(keys::size(entry.value), origin());
        }
        // These stand in [ccroute] only: see RuleSet::program.
        Key::Log | Key::LogLevel => {}
    }
}
