"""How a proof goes through its steps: each is said and noted, the first that fails is the last, and what was made is destroyed."""

import time
import traceback


def do(proof, step, told):
    """Does a step, says what it found, notes it; its failure in words, or None. An error of the kinds `told` says all that there is to say;
    the trace of another is written to the proof's folder."""
    start = time.monotonic()
    print(f"{step:10} ", end="", flush=True)
    try:
        found, outcome = getattr(proof, step)(), "passed"
    except KeyboardInterrupt:
        found, outcome = "stopped by hand", "failed"
    except told as error:
        found, outcome = str(error), "failed"
    except Exception as error:  # Of a service or a program: what was made is destroyed all the same.
        (proof.folder / f"{step}.error").write_text(traceback.format_exc())
        found, outcome = f"{type(error).__name__}: {error}", "failed"
    seconds = round(time.monotonic() - start)
    print(f"{'FAILED: ' if outcome == 'failed' else ''}{found} ({seconds} s)", flush=True)
    proof.steps.append({"name": step, "seconds": seconds, "outcome": outcome, "found": found})
    return None if outcome == "passed" else f"{step}: {found}"


def carry_out(proof, steps, keep, told):
    """Does steps until one fails, then destroys what was made unless it is to be kept; what failed in words, or None."""
    failures = []
    for step in steps:
        if failure := do(proof, step, told):
            failures.append(failure)
            break
    if proof.made():
        if keep:
            proof.leave_out("that nothing remains", "it was kept, as asked for")
        elif failure := do(proof, "destroy", told):
            failures.append(failure)
    return "; ".join(failures) or None
