"""Holds a DataQualityResult against the shape in botocore's own model of AWS Glue. Reads JSON, prints what is wrong."""
import json
import sys

import botocore.session
import botocore.validate

shape = botocore.session.get_session().get_service_model("glue").shape_for("DataQualityResult")
report = botocore.validate.ParamValidator().validate(json.load(sys.stdin), shape)
if report.has_errors():
    sys.exit(report.generate_report())
print("valid")
