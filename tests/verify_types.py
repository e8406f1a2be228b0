"""Every public name has a complete type: `pyright --verifytypes` says 100 %."""

import json
import subprocess
import sys


def main() -> int:
    command = [sys.executable, "-m", "pyright", "--verifytypes", "lazr.smtptest", "--ignoreexternal", "--outputjson"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    completeness = found["typeCompleteness"]
    for symbol in completeness["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            print(symbol["name"], *(d["message"] for d in symbol["diagnostics"]))
    score = completeness["completenessScore"]
    print(f"type completeness of lazr.smtptest: {score:.1%}")
    return 0 if score == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
