"""imgtool, many times in one process: each line of standard input is a JSON list of its arguments.

Prints for each what it said: null, or why it refused."""
import contextlib
import io
import json
import sys

import click
from imgtool.main import imgtool

for line in sys.stdin:
    said = None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it talks
            imgtool.main(args=json.loads(line), standalone_mode=False)
    except (click.ClickException, click.Abort) as error:
        said = str(error) or type(error).__name__
    print(json.dumps(said), flush=True)
