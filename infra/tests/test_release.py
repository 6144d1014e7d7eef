"""What a release is made of: what the tag has to agree with, archives, checksums, the image, and where `cargo binstall` looks.

    python3 -m unittest infra/tests/test_release.py
"""

import hashlib
import importlib.util
import os
import pathlib
import re
import stat
import subprocess
import tarfile
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPEC = importlib.util.spec_from_file_location("release", ROOT / "scripts/release.py")
release = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(release)
WORKFLOW = (ROOT / ".github/workflows/release.yml").read_text()
TARGETS = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"]


class Case(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)

    def repository(self, version="1.2.3", log="## 1.2.3 (2026-12-01)\n\n- A line.\n\n## 1.2.2 (2026-11-01)\n\n- Older.\n"):
        """A made-up repository with what a release reads of it."""
        (self.folder / "Cargo.toml").write_text(
            f'[workspace.package]\nversion = "{version}"\nrepository = "https://example.com/quotelake"\n')
        (self.folder / "CHANGELOG.md").write_text(f"# Change log\n\n{log}")
        return self.folder

    def archives(self):
        """Both targets' archives, of a program that is a few bytes."""
        program, texts = self.folder / "program", self.folder / "texts"
        program.write_bytes(b"\x7fELF program")
        texts.write_text("licences")
        out = self.folder / "out"
        return [release.pack(program, target, texts, out) for target in TARGETS], out


class Tag(Case):
    def test_it_is_the_version_of_this_repository(self):
        root = self.repository()
        self.assertEqual(release.check("v1.2.3", "https://example.com/quotelake", root), "1.2.3")
        with self.assertRaisesRegex(release.Refused, "the tag is v1.2.4, the version of Cargo.toml 1.2.3"):
            release.check("v1.2.4", None, root)
        with self.assertRaisesRegex(release.Refused, "names the repository"):
            release.check("v1.2.3", "https://example.com/fork", root)

    def test_the_change_log_has_the_version_with_its_day(self):
        self.assertEqual(release.notes("1.2.3", self.repository()), "- A line.\n")
        self.assertEqual(release.notes("1.2.2", self.repository()), "- Older.\n")
        with self.assertRaisesRegex(release.Refused, "has no heading"):
            release.check("v1.2.3", None, self.repository(log="## Unreleased (1.2.3)\n\n- A line.\n"))

    def test_the_workspace_can_be_asked(self):
        self.assertRegex(release.workspace()["version"], r"^\d+\.\d+\.\d+$")
        self.assertRegex(release.workspace()["repository"], r"^https://[^/]+/.+[^/]$")


class Archives(Case):
    def test_an_archive_has_the_program_and_every_licence_and_is_the_same_each_time(self):
        (first, _), _ = self.archives()
        before = first.read_bytes()
        name = first.name.removesuffix(".tgz")
        with tarfile.open(first) as archive:
            found = {entry.name: entry for entry in archive.getmembers()}
        for path in ("quotelake", "LICENSE", "THIRD-PARTY-LICENSES.txt", "echarts/LICENSE", "echarts/NOTICE"):
            self.assertIn(f"{name}/{path}", found)
        self.assertEqual(found[f"{name}/quotelake"].mode, 0o755)
        self.assertFalse([path for path in found if path.endswith(".js")])
        self.archives()
        self.assertEqual(first.read_bytes(), before)

    def test_checksums_are_of_every_file_and_true(self):
        _, out = self.archives()
        release.sums(out)
        release.sums(out)
        lines = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(sorted(lines), sorted(path.name for path in out.glob("*.tgz")))
        for name, digest in lines.items():
            self.assertEqual(digest, hashlib.sha256((out / name).read_bytes()).hexdigest())
        empty = self.folder / "empty"
        empty.mkdir()
        with self.assertRaises(release.Refused):
            release.sums(empty)

    def test_licences_are_of_what_is_in_the_program_once_each(self):
        def crate(name, licence, texts, source="registry"):
            folder = self.folder / name
            folder.mkdir()
            for path, text in texts.items():
                (folder / path).write_text(text)
            return {"name": name, "version": "1.0.0", "license": licence, "license_file": None, "source": source,
                    "manifest_path": str(folder / "Cargo.toml")}

        packages = [
            crate("one", "MIT", {"LICENSE-MIT": "Copyright A\nfree", "README.md": "no licence"}),
            crate("two", "MIT", {"LICENSE": "Copyright A\n\nfree"}),
            crate("ours", "Apache-2.0", {"LICENSE": "ours"}, source=None),
            crate("absent", "MIT", {"LICENSE": "not in the program"}),
        ]
        text = release.licences("target", {"packages": packages}, "one v1.0.0\ntwo v1.0.0 (*)\nours v1.0.0 (/path)\n")
        self.assertEqual(text.count("Copyright A"), 1)
        self.assertIn("two 1.0.0: MIT", text)
        self.assertIn("the same as one 1.0.0: LICENSE-MIT", text)
        for absent in ("ours", "not in the program", "no licence"):
            self.assertNotIn(absent, text)
        packages[0]["license"] = None
        with self.assertRaisesRegex(release.Refused, "one 1.0.0 names no licence"):
            release.licences("target", {"packages": packages}, "one v1.0.0\n")


class Binstall(Case):
    def test_it_looks_where_the_release_is(self):
        package = tomllib.loads((ROOT / "crates/cli/Cargo.toml").read_text())["package"]
        self.assertEqual(package["repository"], {"workspace": True})
        words = package["metadata"]["binstall"]
        (first, _), _ = self.archives()
        version = release.workspace()["version"]
        filled = {}
        for key in ("pkg-url", "bin-dir"):
            filled[key] = words[key]
            for name, value in {"repo": "REPO", "version": version, "target": TARGETS[0], "archive-suffix": ".tgz",
                                "bin": "quotelake", "binary-ext": ""}.items():
                filled[key] = filled[key].replace("{ %s }" % name, value)
        self.assertEqual(filled["pkg-url"], f"REPO/releases/download/v{version}/{first.name}")
        with tarfile.open(first) as archive:
            self.assertIn(filled["bin-dir"], archive.getnames())
        self.assertEqual(words["pkg-fmt"], "tgz")
        self.assertIn("quick-install", words["disabled-strategies"])


class Image(Case):
    CONTAINERFILE = (ROOT / "Containerfile").read_text()

    def test_it_is_pinned_has_no_shell_and_no_rights(self):
        bases = re.findall(r"^FROM (\S+)", self.CONTAINERFILE, re.M)
        self.assertEqual(len(bases), 1)
        self.assertRegex(bases[0], r"^gcr\.io/distroless/static-\w+:nonroot@sha256:[0-9a-f]{64}$")
        self.assertNotRegex(self.CONTAINERFILE, r"(?m)^(RUN|SHELL|ADD|CMD)\b")
        self.assertIn("USER 65532:65532\n", self.CONTAINERFILE)
        self.assertIn('ENTRYPOINT ["quotelake"]\n', self.CONTAINERFILE)

    def test_it_is_made_of_the_archives_and_tried_before_it_is_pushed(self):
        """Docker's place is taken by a script that notes what it is asked, and what it would find in the context."""
        _, out = self.archives()
        version = release.workspace()["version"]
        stubs, log = self.folder / "bin", self.folder / "log"
        stubs.mkdir()
        (stubs / "docker").write_text(
            '#!/bin/sh\necho "docker $*" >>"$LOG"\ncase "$*" in\n'
            '  *" build "*) for last; do :; done; (cd "$last" && find . -type f | sort) >>"$LOG" ;;\n'
            '  *inspect*) echo sha256:0 ;;\nesac\n')
        (stubs / "dpkg").write_text("#!/bin/sh\necho amd64\n")
        for stub in stubs.iterdir():
            stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
        environment = {**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}", "LOG": str(log)}

        def run(*more):
            log.write_text("")
            done = subprocess.run([ROOT / "scripts/release-image.sh", out, version, "registry.example.com/q", *more],
                                  env=environment, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout, log.read_text()

        printed, asked = run()
        self.assertEqual(printed, "")
        self.assertNotIn("push", asked)
        for path in re.findall(r"\$\{TARGETARCH\}/(\S+)", self.CONTAINERFILE):
            for arch in ("amd64", "arm64"):
                self.assertRegex(asked, rf"(?m)^\./{arch}/{re.escape(path)}(/|$)")
        printed, asked = run("--push")
        self.assertEqual(printed, "sha256:0\n")
        self.assertLess(asked.index("docker run"), asked.index("docker push"))
        self.assertRegex(asked, r"docker run .*--network none --read-only --cap-drop ALL \S+-amd64 --version")


class Workflow(unittest.TestCase):
    def test_a_tag_builds_both_targets_where_they_run(self):
        self.assertEqual(re.findall(r"target: (\S+)\n +runner: (\S+)", WORKFLOW),
                         [(TARGETS[0], "ubuntu-24.04"), (TARGETS[1], "ubuntu-24.04-arm")])
        self.assertIn('tags: ["v*"]', WORKFLOW)
        script = (ROOT / "scripts/build-release.sh").read_text()
        self.assertIn(f"--features {release.FEATURES} ", script)
        for target in TARGETS:
            self.assertIn(target, script)

    def test_files_and_image_are_attested_and_the_release_comes_last(self):
        publish = WORKFLOW[WORKFLOW.index("\n  publish:\n"):]
        self.assertEqual(publish.count("actions/attest-build-provenance@"), 2)
        steps = ["download-artifact@", "release.py sums", "subject-path:", "release-image.sh", "subject-digest:", "gh release create"]
        places = [publish.index(step) for step in steps]
        self.assertEqual(places, sorted(places))
        self.assertIn("needs: [version, program, functions]", publish)

    def test_nothing_is_taken_from_a_cache(self):
        self.assertNotIn("actions/cache@", WORKFLOW)


if __name__ == "__main__":
    unittest.main()
