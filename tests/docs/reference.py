"""The tables of docs/bundle-reference.md, made from `durward schema`."""

import re

PLACEHOLDER = r"|\{env\.[A-Za-z0-9_-]+\}"

# What a pattern of the schema is called in the documentation.
WORDS = {
    r"^[a-z0-9-]{1,63}$": "name",
    r"^[^\n]+$": "text",
    r"^[!#-\[\]-~]+$": "word without blanks",
    r"^[a-z0-9.-]{1,253}$": "host",
    r"^[0-9]+(ms|s|m|h|d)$": "duration",
    r"^[0-9]+(KiB|MiB|GiB)?$": "size",
    r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$": "network",
    r"^[A-Z0-9!#$%&'*+.^_`|~-]{1,32}$": "method",
    r"^(\[[0-9a-fA-F.:]+\]|[0-9.]+):[0-9]{1,5}$": "address:port",
    r"^(\[[0-9a-fA-F.:]+\]|[a-z0-9.-]+):[0-9]{1,5}$": "host:port",
    r"^[^@\s]+@[^@\s]+$": "e-mail",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "variable",
    r"^([a-z0-9-]{1,63}\*?|\*)$": "role, may end in `*`",
    r"^(idp/[a-z0-9-]{1,63}|app/([a-z0-9-]{1,63}|\*))$": "`idp/NAME`, `app/NAME`, `app/*`",
    r"^/([A-Za-z0-9\-._~!$&'()*+,=:@{}]+(/|$))*$": "path template",
    r'''^/[^\s"'\\#]*$''': "path",
    r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$": "directory",
    r"^[A-Z][a-z]{2}([,-][A-Z][a-z]{2})* \d\d:\d\d-\d\d:\d\d \S+$": "weekly window",
}


def scalar(node):
    if "enum" in node:
        return " \\| ".join(f"`{word}`" for word in node["enum"])
    if node.get("type") in ("integer", "boolean"):
        return {"integer": "number", "boolean": "`true` \\| `false`"}[node["type"]]
    pattern = node.get("pattern", "")
    placeholder = pattern.endswith(PLACEHOLDER)
    word = WORDS.get(pattern.removesuffix(PLACEHOLDER))
    if word is None and pattern.startswith("^https"):
        word = "URL"
    if word is None:
        word = "word"
    return word + (" {env}" if placeholder else "")


def value(node):
    if "anyOf" in node and "properties" not in node:
        return " or ".join(dict.fromkeys(value(option) for option in node["anyOf"]))
    if node.get("type") == "array":
        return "list of " + value(node["items"]) if node["items"].get("type") != "object" else "list of mappings"
    if node.get("type") == "object":
        return "mapping"
    if not node or node.keys() <= {"description"}:
        return "any value"
    return scalar(node)


def rows(node, path, required):
    """(key, value, required, description) of everything below, in the order of the schema."""
    for option in [node, *node.get("anyOf", [])]:
        for key, child in option.get("properties", {}).items():
            name = f"{path}.{key}" if path else key
            yield name, value(child), key in required, child.get("description", "")
            yield from rows(child, name, child.get("required", []))
        if option.get("type") == "array" and isinstance(option.get("items"), dict):
            yield from rows(option["items"], path + "[]", option["items"].get("required", []))
        extra = option.get("additionalProperties")
        if isinstance(extra, dict) and extra:
            if "properties" not in option and extra.get("type") != "object":
                continue
            yield from rows(extra, path + ".NAME", extra.get("required", []))


def table(schema, kind):
    node = schema["$defs"][kind]["properties"]
    lines = ["| key | value | |", "|---|---|---|"]
    for part in ("metadata", "spec"):
        for key, kind_of, needed, text in rows(node[part], part, node[part].get("required", [])):
            mark = "**required** " if needed else ""
            lines.append(f"| `{key}` | {kind_of} | {mark}{re.sub(r'[|]', '/', text)} |")
    return "\n".join(lines)


def fill(text, schema):
    """The page with the table of each kind between its two markers."""
    for kind in schema["$defs"]:
        begin, end = f"<!-- {kind}: from durward schema -->\n", f"<!-- end of {kind} -->"
        if begin not in text or end not in text:
            raise ValueError(f"docs/bundle-reference.md has no place for {kind}")
        head, rest = text.split(begin, 1)
        text = head + begin + table(schema, kind) + "\n" + end + rest.split(end, 1)[1]
    return text
