"""Whether an OpenAPI document is one, and whether its examples fit its schemas. Prints one line of JSON.

usage: check_document.py URL"""
import json
import sys
import urllib.request

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator


def media(document):
    """Every place that has a schema and examples, with what it is called."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = f"{method} {path}"
            for parameter in operation.get("parameters", []):
                yield f"{name} {parameter['name']}", parameter
            yield from contents(f"{name} body", operation.get("requestBody", {}))
            for status, response in operation["responses"].items():
                yield from contents(f"{name} {status}", response)
    for name, response in document["components"]["responses"].items():
        yield from contents(name, response)


def contents(name, holder):
    for kind, content in holder.get("content", {}).items():
        yield f"{name} {kind}", content


def problems(document):
    for name, place in media(document):
        if "schema" not in place:
            continue
        schema = place["schema"] | {"components": document["components"]}
        examples = [place["example"]] if "example" in place else []
        examples += [example["value"] for example in place.get("examples", {}).values()]
        validator = jsonschema_rs.Draft202012Validator(schema)
        for example in examples:
            for error in validator.iter_errors(example):
                yield f"{name}: {error.message}"


def main():
    with urllib.request.urlopen(sys.argv[1], timeout=60) as answer:
        document = json.load(answer)
    invalid = [str(error.message) for error in OpenAPIV31SpecValidator(document).iter_errors()]
    wrong = list(problems(document))
    counted = sum("example" in place or "examples" in place for _, place in media(document))
    print(json.dumps({"invalid": invalid, "wrong_examples": wrong, "examples": counted}))


main()
