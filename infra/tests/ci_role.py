"""What the role of CI has to be allowed for each kind of resource that a stack is made of, as the provider calls AWS: making, reading,
tagging and deleting. https://docs.aws.amazon.com/service-authorization/latest/reference/ says which resource an action is held against.
Changing is left out where the same statement allows it."""

import fnmatch

import stack

ACCOUNT = "arn:aws:{service}:us-east-1:000000000000:"


def of(service, path):
    """The ARN of a resource of this account, with its attributes filled in."""
    return ACCOUNT.format(service=service) + path


IAM = "arn:aws:iam::000000000000:"
BUCKET = ("s3:CreateBucket s3:DeleteBucket s3:GetBucketTagging s3:PutBucketTagging s3:ListBucket", "arn:aws:s3:::{bucket}")
ROLE = IAM + "role/{role}"
QUEUE = of("sqs", "{queue}")
EC2_RULE = "ec2:CreateTags ec2:DescribeSecurityGroupRules"

# kind: actions, and what they are held against.
NEEDS = {
    "aws_athena_named_query": ("athena:CreateNamedQuery athena:GetNamedQuery athena:DeleteNamedQuery", "*"),
    "aws_athena_workgroup": ("athena:CreateWorkGroup athena:GetWorkGroup athena:DeleteWorkGroup athena:TagResource athena:ListTagsForResource", of("athena", "workgroup/{name}")),
    "aws_budgets_budget": ("budgets:ModifyBudget budgets:ViewBudget budgets:TagResource budgets:ListTagsForResource", "arn:aws:budgets::000000000000:budget/{name}"),
    "aws_cloudwatch_dashboard": ("cloudwatch:PutDashboard cloudwatch:GetDashboard cloudwatch:DeleteDashboards", "arn:aws:cloudwatch::000000000000:dashboard/{dashboard_name}"),
    "aws_cloudwatch_event_bus": ("events:CreateEventBus events:DescribeEventBus events:DeleteEventBus events:TagResource events:ListTagsForResource", of("events", "event-bus/{name}")),
    "aws_cloudwatch_event_rule": ("events:PutRule events:DescribeRule events:DeleteRule events:TagResource events:ListTagsForResource", of("events", "rule/{event_bus_name}/{name}")),
    "aws_cloudwatch_event_target": ("events:PutTargets events:ListTargetsByRule events:RemoveTargets", of("events", "rule/{event_bus_name}/{rule}")),
    "aws_cloudwatch_log_group": ("logs:CreateLogGroup logs:PutRetentionPolicy logs:DeleteLogGroup logs:TagResource logs:ListTagsForResource", of("logs", "log-group:{name}")),
    "aws_cloudwatch_log_metric_filter": ("logs:PutMetricFilter logs:DescribeMetricFilters logs:DeleteMetricFilter", of("logs", "log-group:{log_group_name}")),
    "aws_cloudwatch_log_stream": ("logs:CreateLogStream logs:DeleteLogStream logs:DescribeLogStreams", of("logs", "log-group:{log_group_name}")),
    "aws_cloudwatch_metric_alarm": ("cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms cloudwatch:DeleteAlarms cloudwatch:TagResource cloudwatch:ListTagsForResource", of("cloudwatch", "alarm:{alarm_name}")),
    "aws_glue_catalog_database": ("glue:CreateDatabase glue:GetDatabase glue:DeleteDatabase glue:GetTags glue:TagResource", of("glue", "database/{name}")),
    "aws_glue_catalog_table": ("glue:CreateTable glue:GetTable glue:UpdateTable glue:DeleteTable glue:GetPartitionIndexes", of("glue", "table/{database_name}/{name}")),
    "aws_glue_crawler": ("glue:CreateCrawler glue:GetCrawler glue:UpdateCrawler glue:DeleteCrawler glue:TagResource glue:GetTags", of("glue", "crawler/{name}")),
    "aws_iam_policy": ("iam:CreatePolicy iam:GetPolicy iam:GetPolicyVersion iam:ListPolicyVersions iam:DeletePolicy iam:TagPolicy", IAM + "policy/{name}"),
    "aws_iam_role": ("iam:CreateRole iam:GetRole iam:DeleteRole iam:TagRole iam:UpdateAssumeRolePolicy iam:ListRolePolicies iam:ListAttachedRolePolicies iam:ListInstanceProfilesForRole iam:PassRole", IAM + "role/{name}"),
    "aws_iam_role_policy": ("iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy", None),
    "aws_iam_role_policy_attachment": ("iam:AttachRolePolicy iam:DetachRolePolicy iam:ListAttachedRolePolicies", ROLE),
    "aws_kinesis_firehose_delivery_stream": ("firehose:CreateDeliveryStream firehose:DescribeDeliveryStream firehose:DeleteDeliveryStream firehose:StartDeliveryStreamEncryption firehose:TagDeliveryStream firehose:ListTagsForDeliveryStream", of("firehose", "deliverystream/{name}")),
    "aws_lambda_alias": ("lambda:CreateAlias lambda:GetAlias lambda:UpdateAlias lambda:DeleteAlias", of("lambda", "function:{function_name}")),
    "aws_lambda_event_source_mapping": ("lambda:TagResource lambda:UntagResource lambda:ListTags", of("lambda", "event-source-mapping:11111111-2222-3333-4444-555555555555")),
    "aws_lambda_function": ("lambda:CreateFunction lambda:GetFunction lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:PublishVersion lambda:ListVersionsByFunction lambda:DeleteFunction lambda:TagResource lambda:ListTags lambda:GetFunctionCodeSigningConfig", of("lambda", "function:{function_name}")),
    "aws_lambda_function_event_invoke_config": ("lambda:PutFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig lambda:DeleteFunctionEventInvokeConfig", of("lambda", "function:{function_name}")),
    "aws_lambda_function_recursion_config": ("lambda:PutFunctionRecursionConfig lambda:GetFunctionRecursionConfig", of("lambda", "function:{function_name}")),
    "aws_lambda_function_url": ("lambda:CreateFunctionUrlConfig lambda:GetFunctionUrlConfig lambda:DeleteFunctionUrlConfig", of("lambda", "function:{function_name}")),
    "aws_s3_bucket": BUCKET,
    "aws_s3_bucket_lifecycle_configuration": ("s3:PutLifecycleConfiguration s3:GetLifecycleConfiguration", None),
    "aws_s3_bucket_notification": ("s3:PutBucketNotification s3:GetBucketNotification", None),
    "aws_s3_bucket_ownership_controls": ("s3:PutBucketOwnershipControls s3:GetBucketOwnershipControls", None),
    "aws_s3_bucket_policy": ("s3:PutBucketPolicy s3:GetBucketPolicy s3:DeleteBucketPolicy", None),
    "aws_s3_bucket_public_access_block": ("s3:PutBucketPublicAccessBlock s3:GetBucketPublicAccessBlock", None),
    "aws_s3_bucket_server_side_encryption_configuration": ("s3:PutEncryptionConfiguration s3:GetEncryptionConfiguration", None),
    "aws_s3_bucket_versioning": ("s3:PutBucketVersioning s3:GetBucketVersioning", None),
    "aws_s3_object": ("s3:PutObject s3:GetObject s3:DeleteObject", "arn:aws:s3:::{bucket}/{key}"),
    "aws_scheduler_schedule": ("scheduler:CreateSchedule scheduler:GetSchedule scheduler:DeleteSchedule", of("scheduler", "schedule/{group_name}/{name}")),
    "aws_scheduler_schedule_group": ("scheduler:CreateScheduleGroup scheduler:GetScheduleGroup scheduler:DeleteScheduleGroup scheduler:TagResource scheduler:ListTagsForResource", of("scheduler", "schedule-group/{name}")),
    "aws_security_group": ("ec2:CreateSecurityGroup ec2:CreateTags ec2:DescribeSecurityGroups ec2:RevokeSecurityGroupEgress", of("ec2", "security-group/sg-00000000")),
    "aws_sfn_state_machine": ("states:CreateStateMachine states:DescribeStateMachine states:UpdateStateMachine states:DeleteStateMachine states:TagResource states:ListTagsForResource", of("states", "stateMachine:{name}")),
    "aws_sns_topic": ("sns:CreateTopic sns:GetTopicAttributes sns:SetTopicAttributes sns:DeleteTopic sns:TagResource sns:ListTagsForResource", of("sns", "{name}")),
    "aws_sns_topic_policy": ("sns:SetTopicAttributes sns:GetTopicAttributes", None),
    "aws_sns_topic_subscription": ("sns:Subscribe", None),
    "aws_sqs_queue": ("sqs:CreateQueue sqs:GetQueueAttributes sqs:SetQueueAttributes sqs:DeleteQueue sqs:TagQueue sqs:ListQueueTags", of("sqs", "{name}")),
    "aws_sqs_queue_policy": ("sqs:SetQueueAttributes sqs:GetQueueAttributes", None),
    "aws_sqs_queue_redrive_allow_policy": ("sqs:SetQueueAttributes sqs:GetQueueAttributes", None),
    "aws_ssm_parameter": ("ssm:PutParameter ssm:GetParameter ssm:DeleteParameter ssm:AddTagsToResource ssm:ListTagsForResource", of("ssm", "parameter{name}")),
    "aws_vpc_endpoint": ("ec2:CreateVpcEndpoint ec2:CreateTags ec2:ModifyVpcEndpoint ec2:DescribeVpcEndpoints", of("ec2", "vpc-endpoint/vpce-00000000")),
    "aws_vpc_security_group_egress_rule": ("ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress " + EC2_RULE, of("ec2", "security-group/sg-00000000")),
    "aws_vpc_security_group_ingress_rule": ("ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress " + EC2_RULE, of("ec2", "security-group/sg-00000000")),
}


def names_of(statement, what):
    """The actions or resources of a statement."""
    return stack.listed(statement.get(what, []))


def may(statements, action, arn):
    """Whether a statement allows an action on a resource. Its conditions are looked at elsewhere."""
    return any(
        any(fnmatch.fnmatchcase(action, pattern) for pattern in names_of(statement, "Action"))
        and any(pattern == "*" or fnmatch.fnmatchcase(arn, pattern) for pattern in names_of(statement, "Resource"))
        for statement in statements if statement["Effect"] == "Allow"
    )


def statements_of(state, kind, name):
    """The statements of the policies of that kind and name."""
    return [statement for resource in stack.resources(state) if resource["type"] == kind and resource["values"]["name"] == name
            for statement in stack.statements(resource["values"]["policy"])]


def lacking(state, statements):
    """What the role may not do and would have to, to manage a state: (resource, action)."""
    found, unknown = [], set()
    for resource in stack.resources(state):
        if resource["type"] not in NEEDS:
            unknown.add(resource["type"])
            continue
        actions, template = NEEDS[resource["type"]]
        # What hangs on a named resource is held against that one, which has an entry of its own; the action only has to be allowed.
        arn = template.format_map(resource["values"]) if template else None
        for action in actions.split():
            if not (may(statements, action, arn) if arn else any(may([s], action, names_of(s, "Resource")[0]) for s in statements)):
                found.append((resource["address"], action))
    return found, unknown


def beyond(state, boundary, policies):
    """What policies of roles grant and the boundary does not let through: (role's policy, action, resource)."""
    return [
        (address, action, resource)
        for address, name, statement in stack.policies(state) if name in policies
        for action in names_of(statement, "Action") for resource in names_of(statement, "Resource")
        if not may(boundary, action, resource)
    ]
