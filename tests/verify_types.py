"""Every public name has a complete type: `pyright --verifytypes` says 100 %."""

import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    # pyright finds packages by the Python that is first on the PATH, so that has to be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "pyright", "--verifytypes", "lazr.smtptest", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})
    found = json.loads(done.stdout)
    completeness = found["typeCompleteness"]
    for symbol in completeness["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            print(symbol["name"], *(d["message"] for d in symbol["diagnostics"]))
    score = completeness["completenessScore"]
    print(f"type completeness of lazr.smtptest: {score:.1%}")
    return 0 if score == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
