"""`duplicate-resource` where it hangs on how the files came together: more than a fixture can show."""

from meshlint.lint import Options, lint

CART = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: cart, namespace: shop, labels: {a: %s}}\n---\n"
SHOP = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: %s}}\n---\n"


def found(*paths):
    result = lint(Options(paths=[str(path) for path in paths], select=["duplicate-resource"]))
    return [(f.severity.value, f.at.span.start_line, f.message.partition(", ")[2]) for f in result.findings]


def written(directory, **files):
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text)
    return [directory / f"{name}.yaml" for name in files]


def test_alternatives_side_by_side_are_one_note(tmp_path):
    """
    What two files of a walked directory both define is one note for the two files.
    """
    written(tmp_path, a=CART % "b" + SHOP % "b", b=SHOP % "c" + CART % "c")

    assert [("note", 7, "and differently: applied together, the last one wins")] == found(tmp_path)


def test_files_that_are_named_are_applied_together(tmp_path):
    """
    Of files that the user names, each further definition is a warning.
    """
    paths = written(tmp_path, a=CART % "b" + SHOP % "b", b=SHOP % "c" + CART % "c")

    assert ["warning", "warning"] == [severity for severity, *_ in found(*paths)]


def test_a_kustomization_applies_its_files_together(tmp_path):
    """
    Within a kustomization a further definition is a warning, unless it may be renamed.
    """
    written(tmp_path, a=CART % "b", b=CART % "c")
    kustomization = tmp_path / "kustomization.yaml"
    kustomization.write_text("resources: [a.yaml, b.yaml]\n")

    assert ["warning"] == [severity for severity, *_ in found(tmp_path)]

    kustomization.write_text("namePrefix: eu-\nresources: [a.yaml, b.yaml]\n")

    assert ["note"] == [severity for severity, *_ in found(tmp_path)]


def test_twice_in_one_file_of_a_directory(tmp_path):
    """
    Twice in one file is no alternative, wherever the file stands.
    """
    written(tmp_path, a=CART % "b" + CART % "c", b=CART % "c")

    assert ["warning", "note"] == [severity for severity, *_ in found(tmp_path)]


def test_placeholders_are_not_counted(tmp_path):
    """
    An object whose name something else fills in is not what two files share.
    """
    unnamed = (CART % "b").replace("cart", "placeholder")
    written(tmp_path, a=unnamed + SHOP % "b", b=unnamed + SHOP % "b")

    assert [("note", 7, "in the same words")] == found(tmp_path)
