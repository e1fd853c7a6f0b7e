"""Writes man pages from what a program says of itself (`--experimental-dump-help` on standard input): one for the program
and one for each of its subcommands.

usage: nrx-server --experimental-dump-help | python3 scripts/manual.py DIRECTORY"""
import json
import pathlib
import sys


def escape(text):
    """Text as roff takes it: no control lines, no escapes."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def names(argument):
    """The spellings of an option, or the name of an argument."""
    if argument["kind"] == "positional":
        return [argument["valueName"]]
    return [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]


def synopsis(command, path):
    parts = [f".B {escape(' '.join(path))}"]
    for argument in visible(command):
        value = f" \\fI{escape(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
        text = f"\\fI{escape(names(argument)[0])}\\fR" if argument["kind"] == "positional" else (
            f"\\fB{escape(names(argument)[-1])}\\fR{value}"
        )
        dots = "…" if argument["isRepeating"] else ""
        parts.append(f"[{text}]{dots}" if argument["isOptional"] else f"{text}{dots}")
    if command.get("subcommands"):
        parts.append("\\fIsubcommand\\fR …")
    return "\n".join(parts)


def visible(command):
    return [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]


def entry(argument):
    value = f" \\fI{escape(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
    spelled = ", ".join(f"\\fB{escape(name)}\\fR" for name in names(argument))
    text = argument.get("abstract", "")
    if argument.get("defaultValue"):
        text += f" (default: {argument['defaultValue']})"
    return f".TP\n{spelled}{value}\n{escape(text)}"


def page(command, path):
    title = "-".join(path)
    lines = [
        f'.TH "{escape(title.upper())}" 1',
        ".SH NAME",
        f"{escape(title)} \\- {escape(command.get('abstract', ''))}",
        ".SH SYNOPSIS",
        synopsis(command, path),
    ]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", ".nf", escape(command["discussion"]), ".fi"]
    if visible(command):
        lines += [".SH OPTIONS"] + [entry(argument) for argument in visible(command)]
    subcommands = shown(command)
    if subcommands:
        lines.append(".SH SUBCOMMANDS")
        for subcommand in subcommands:
            link = escape("-".join(path + [subcommand["commandName"]]))
            lines.append(f".TP\n\\fB{link}\\fR(1)\n{escape(subcommand.get('abstract', ''))}")
    return "\n".join(lines) + "\n"


def shown(command):
    return [each for each in command.get("subcommands", []) if each["shouldDisplay"] and each["commandName"] != "help"]


def write(command, path, directory):
    (directory / f"{'-'.join(path)}.1").write_text(page(command, path), encoding="utf-8")
    for subcommand in shown(command):
        write(subcommand, path + [subcommand["commandName"]], directory)


def main():
    command = json.load(sys.stdin)["command"]
    write(command, [command["commandName"]], pathlib.Path(sys.argv[1]))


main()
