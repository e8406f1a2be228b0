"""Check that every public name has a complete type (`pyright --verifytypes` reports 100 %)."""

import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Print the public names without a complete type, and return the exit status."""
    # pyright uses the packages of the first Python on the PATH, which must be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "pyright", "--verifytypes", "lazr.smtptest", "--ignoreexternal", "--outputjson"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})
    completeness = json.loads(result.stdout)["typeCompleteness"]
    for symbol in completeness["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            print(symbol["name"], *(d["message"] for d in symbol["diagnostics"]))
    score = completeness["completenessScore"]
    print(f"type completeness of lazr.smtptest: {score:.1%}")
    return 0 if score == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
