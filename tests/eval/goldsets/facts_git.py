"""Rules for Git's documentation."""
import re

from .fact import Fact, entries, sentence_at, table_facts  # noqa: F401

_VALUE = r"(\"[^\"]{1,40}\"|'[^']{1,40}'|[\w./:+$<>-]*[\w>]%?(?: (?:KiB|MiB|GiB|days?|weeks?|months?|seconds?|minutes?|hours?|bytes))?)"
_DEFAULT = re.compile(r"(?:[Dd]efaults? (?:value )?(?:is|to)|[Dd]efault (?:limit|is set to)(?: is)?) " + _VALUE + r"(?=[.,;](?:\s|$)|\s\(|$)")
_VAGUE = frozenset("""the a an it this that none value of set on off true false no yes current empty whatever use using show not used
your its all any what HEAD 0 1 platform enabled disabled""".split())


def _default(page, own):
    """The one default stated in an entry, as (block, match), or None when there is none, or more than one, or a vague one."""
    found = [(j, m) for j in own for m in _DEFAULT.finditer(page.blocks[j].text)]
    mentions = sum(len(re.findall(r"\b[Dd]efault", page.blocks[j].text)) for j in own)
    if len(found) != 1 or mentions > 2:
        return None
    block, match = found[0]
    if match[1].split()[0].strip("\"'") in _VAGUE or " if " in page.blocks[block].text[match.end():match.end() + 12]:
        return None
    return block, match


def rules(pages, seed):
    for page in pages:
        command = re.match(r"(git[\w-]*)\(\d\)", page.title)
        for at, own in entries(page):
            tag = page.blocks[at].text
            if at and page.blocks[at - 1].kind == "dt":
                continue
            stated = _default(page, own)
            if stated is None:
                continue
            j, match = stated
            text = page.blocks[j].text
            answer = match[1].strip("\"'")
            variable = re.fullmatch(r"[a-z]\w*(?:\.[\w<>*-]+)*\.[a-zA-Z]\w+", tag)
            option = re.match(r"(--[\w-]+)", tag)
            if variable and page.uri == "git/git-config":
                yield Fact("git: variable", page, f"What does Git assume for {tag} as long as nobody configures it?", [answer], j,
                           sentence_at(text, match.start()), [at], [tag])
            elif option and command:
                yield Fact("git: option", page, f"What is used for {option[1]} of {command[1].replace('-', ' ', 1)} unless another value "
                           "is given?", [answer], j, sentence_at(text, match.start()), [at], [option[1]])
        if command and page.uri != "git/git":
            for i, block in enumerate(page.blocks):
                found = re.search(r"(?:the )?exit (?:status|code) is (\d+)\b", block.text)
                when = re.search(r"(?:If|When) ([^,.]+),? (?:then )?the exit (?:status|code) is (\d+)", block.text)
                if found and when and when[2] != "0":
                    yield Fact("git: exit status", page, f"With which number does {command[1].replace('-', ' ', 1)} end when {when[1]}?",
                               [when[2]], i, sentence_at(block.text, when.start()), [0], [command[1]])
