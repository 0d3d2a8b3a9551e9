"""Sentences that the registry and the gate write in English, so that a reader of another language reads them too.

They stand in the log and in ``gate.json``, which are never translated; here they are recognised and said again. What
is not recognised, such as a person's reason, is shown as it was written.
"""

from __future__ import annotations

import re

# The parts of a sentence that are no sentence themselves.
NAMES = frozenset({"model", "window", "days", "actor", "role", "number", "part"})


def N_(message: str) -> str:
    """Marks a message for the catalogue that is translated elsewhere."""
    return message


def _pattern(message: str) -> re.Pattern[str]:
    """The regular expression of a message with ``%(name)s`` in it."""
    escaped = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(message).replace("%%", "%"))
    return re.compile(escaped.replace("(?P<model>.+)", r"(?P<model>\S+)"), re.DOTALL)


_MESSAGES = (
    # dfpt/registry/policy.py
    N_("The policy knows no emergency for this model."),
    N_("Only an admin may pass over the rules."),
    N_("Only an approver may approve."),
    N_("Nobody approves what he or she requested or trained."),
    N_("Nothing is promoted during %(window)s."),
    N_("Only a requester may withdraw a request."),
    N_("Only who asked for it, or an admin, may withdraw a request."),
    N_("Approve in the ordinary way."),
    N_("Ask an admin."),
    N_("Ask an approver."),
    N_("Ask another approver."),
    N_("Wait for its end; an admin may pass over it."),
    N_("The policy lets nothing into production that was made under the licence %(part)s."),
    N_("Train on data and from a teacher that you may use, or change licences: in approvals.yaml."),
    N_("The licence %(part)s takes an approval by a person whom the policy names."),
    N_("Ask an approver who is listed under people: in approvals.yaml."),
    N_("The licence %(part)s takes an approval whose reason names it."),
    N_("Write into the reason why it may be used under %(part)s."),
    N_("Reject it, or ask an admin."),
    # dfpt/registry: permission, errors, promotion, rollback
    N_("%(actor)s may not %(deed)s: that takes the role %(role)s."),
    N_("approve"),
    N_("reject"),
    N_("withdraw"),
    N_("roll back"),
    N_("approvals.yaml says who is."),
    N_("A decision needs a reason."),
    N_("%(model)s cannot be %(wish)s: its request is %(state)s."),
    N_("approved"),
    N_("rejected"),
    N_("withdrawn"),
    N_("promoted"),
    N_("expired"),
    N_("superseded"),
    N_("pending"),
    N_("approved and half promoted"),
    N_("Finish it: approve it again."),
    N_("decided"),
    N_("It has been asked for again: look at that request."),
    N_("There is no request %(number)s."),
    N_("%(model)s is the champion already."),
    N_("There is no request for %(model)s."),
    N_("There is no version of %(model)s before the one in production."),
    N_("The log knows no promotion to %(model)s."),
    N_("%(model)s or its files are gone."),
    # dfpt/approvals
    N_("The form does not come from this session."),
    N_("Open the page again, and send the form again."),
    N_("This link works no more."),
    N_("Ask an admin for a new one; for the first account start the service again."),
    N_("Too many requests."),
    N_("Wait %(number)s seconds."),
    N_("Waiting for the registry: MLflow does not answer as it should."),
    N_("Try again in %(number)s seconds. What was decided is finished by itself."),
    N_("Others are waiting for the registry."),
    N_("The registry's database does not answer."),
    N_("Something went wrong here."),
    N_("A password has 12 to 1024 characters."),
    # what the registry writes into the log by itself
    N_("filed"),
    N_("promoted to %(model)s"),
    N_("nobody decided within %(days)s days"),
    N_("%(model)s, which is newer, was promoted"),
    N_("approval refused: %(why)s"),
    N_("promotion refused: %(why)s"),
    N_("production is as the log says"),
    # dfpt/evaluation/gate.py
    N_("The evaluation report is whole and names the weights it is about."),
    N_("There is no champion yet, so there is nothing to fall behind."),
    N_("The %(figure)s is %(found)s; at least %(asked)s is asked."),
    N_("The %(figure)s is %(found)s; at most %(asked)s is asked."),
    N_("accuracy"),
    N_("macro-F1"),
    N_("accuracy on defective or sound"),
    N_("share of defective images found"),
    N_("accuracy on the worst slice"),
    N_("accuracy lost against the teacher"),
    N_("accuracy gained over the same network trained alone"),
    N_("largest likely loss of accuracy against the champion"),
    N_("number of parameters"),
    N_("time for one image on one CPU core"),
    N_("mean gap between how sure it is and how often it is right"),
    N_("largest likely loss of accuracy against the teacher"),
    N_("probability of such a difference if the student is no worse than the teacher (exact McNemar test)"),
    N_("probability of such a difference if the student is no worse than the champion (exact McNemar test)"),
    N_("size of the weights"),
    N_("time for one image on one core of the device"),
    N_("accuracy under the worst corruption of strength %(number)s"),
    N_("accuracy under %(kind)s of strength %(number)s"),
    N_("accuracy on %(part)s"),
    N_("noise"),
    N_("blur"),
    N_("brightness"),
    N_("darkness"),
    N_("rotation"),
    N_("contrast"),
    N_("Nothing may be decided on evidence that is damaged, incomplete or about another student."),
    N_("Somebody has to say what is good enough."),
    N_("How often it is right."),
    N_("The same care for rare classes as for frequent ones."),
    N_("How often it is right on the one question that sorts parts."),
    N_("A defect that is missed reaches a customer."),
    N_("No part of the data may be given up for the others."),
    N_("A part of the data that is a line or a type of product of its own must not be given up for the others."),
    N_("Whoever sorts by its confidence must be able to believe it."),
    N_("What the small model costs."),
    N_("The same with other images of the kind: the lower end of the interval."),
    N_("Below this, the student is worse than the teacher beyond doubt."),
    N_("Below this, the student is worse than what is in production beyond doubt."),
    N_("What the teacher was good for."),
    N_("What is in production must not be replaced by something worse: the lower end of the interval."),
    N_("How large it is."),
    N_("How fast it is, on the machine that evaluated."),
    N_("The device has to keep pace with the line."),
    N_("What the device has to hold in its memory."),
    N_("What has to be carried to the device and kept there."),
    N_("Dust, a lamp or a lens that ages must not make the student useless before somebody notices."),
    N_("none (it gains %(gain)s)"),
    N_("%(number)s points"),
    # the last: it fits whatever begins with a model
    N_("%(model)s: %(why)s"),
)
SENTENCES = tuple((_pattern(message), message) for message in _MESSAGES)
