#!/usr/bin/env python3
"""Print the state of every backup that a Syncline server watches.

    backup_report.py [--json] https://backup.example:4443

SYNCLINE_USER and SYNCLINE_PASSWORD (or SYNCLINE_PASSWORD_FILE) sign in; the role viewer is
enough. SYNCLINE_CACERT names a file with certificates to trust beside the system's.

The exit code is that of the worst backup: 0 all are fine, 1 one is late, 2 one failed,
3 the state is not known. It needs Python 3.9 or newer, and nothing else.
"""

import argparse
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

VERSIONS = ("v8", "v7", "v6")
CODES = {"Success": 0, "Warning": 1, "Failed": 2}
UNKNOWN = 3
TIMEOUT = 30  # seconds, for one answer
MOST_PAGES = 1000


class Failure(Exception):
    """The state of the backups is not known."""


class Server:
    def __init__(self, address):
        self.base = address.rstrip("/")
        trust = ssl.create_default_context()
        if os.environ.get("SYNCLINE_CACERT"):
            trust.load_verify_locations(os.environ["SYNCLINE_CACERT"])
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust))
        self.token = None

    def ask(self, url, form=None):
        """Return the status and the JSON of an answer."""
        request = urllib.request.Request(url, data=form and urllib.parse.urlencode(form).encode())
        request.add_header("Accept", "application/json")
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        try:
            with self.opener.open(request, timeout=TIMEOUT) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as failure:
            try:
                return failure.code, json.load(failure)
            except ValueError:
                return failure.code, {"message": failure.reason}
        except (OSError, ValueError) as failure:
            raise Failure(f"{self.base} cannot be asked: {getattr(failure, 'reason', failure)}") from failure

    def get(self, url):
        status, answer = self.ask(url)
        if status != 200:
            raise Failure(f"{url}: {answer.get('message', status)}")
        return answer

    def discover(self):
        """Find the newest version. A version that is not served answers 404, and one that is
        asks for a token."""
        for version in VERSIONS:
            status, _ = self.ask(f"{self.base}/{version}/ServiceInstance")
            if status in (200, 401, 403):
                return version
        raise Failure(f"{self.base} serves none of {', '.join(VERSIONS)}")

    def sign_in(self, version, user, password):
        form = {"grant_type": "password", "username": user, "password": password, "disable_antiforgery_token": "true"}
        status, answer = self.ask(f"{self.base}/{version}/token", form)
        if status != 200:
            raise Failure(answer.get("message", f"signing in failed: {status}"))
        self.token = answer["access_token"]

    def rows(self, path):
        """Return what a list has. v6 and v7 give the list, and v8 gives pages of it."""
        url = self.base + path
        for _ in range(MOST_PAGES):
            answer = self.get(url)
            if isinstance(answer, list):
                yield from answer
                return
            yield from answer["results"]
            following = answer.get("_links", {}).get("next")
            if not following:
                return
            url = urllib.parse.urljoin(url, following["href"])
        raise Failure(f"{path} has more than {MOST_PAGES} pages")


def password():
    if os.environ.get("SYNCLINE_PASSWORD_FILE"):
        with open(os.environ["SYNCLINE_PASSWORD_FILE"], encoding="utf-8") as file:
            return file.read().rstrip("\n")
    return os.environ.get("SYNCLINE_PASSWORD", "")


def report(address):
    """Return the version that was used, and the jobs in the order of their names."""
    server = Server(address)
    version = server.discover()
    server.sign_in(version, os.environ.get("SYNCLINE_USER", ""), password())
    jobs = [job for job in server.rows(f"/{version}/Jobs") if job["isEnabled"]]
    return version, sorted(jobs, key=lambda job: job["name"])


def main():
    parser = argparse.ArgumentParser(description="Print the state of every backup that a Syncline server watches.")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.add_argument("server", help="like https://backup.example:4443")
    args = parser.parse_args()
    try:
        version, jobs = report(args.server)
    except (Failure, OSError) as failure:
        print(f"backup_report: {failure}", file=sys.stderr)
        return UNKNOWN
    if args.json:
        print(json.dumps({"version": version, "jobs": jobs}, indent=2))
    else:
        for job in jobs:
            print(f"{job['lastStatus']:8} {job.get('lastRun') or 'never':20} {job['name']}")
    return max((CODES.get(job["lastStatus"], UNKNOWN) for job in jobs), default=UNKNOWN)


if __name__ == "__main__":
    sys.exit(main())
