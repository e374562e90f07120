"""Links by mail, codes by text message, and captchas."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.account import LogIn, SignUp
from gateway.model.operation import Result
from gateway.model.recovery import (
    ChangePhone,
    CheckCaptcha,
    CheckCode,
    NewCaptcha,
    Purpose,
    ResetPassword,
    SendCode,
    SendLink,
    VerifyEmail,
    VerifyPhone,
)
from gateway.model.update import Set
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire, without
from tests.cases.accounts import LEANCLOUD_FIELDS, LEANCLOUD_SHOWN, TOKEN, user
from tests.cases.wires import CHANGED, CHANGED_AT, ID, get

PHONE = "+8618200008888"
NUMBER = {"mobilePhoneNumber": PHONE}
EMAIL = {"email": "tom@example.com"}
DONE = HttpResponse(200, {})
NOBODY = Failure(Code.EMAIL_NOT_FOUND, "no user has this email address")
WRONG = Failure(Code.BAD_SMS_CODE, "Invalid SMS code.")
BY_CODE = {"mobilePhoneNumber": PHONE, "smsCode": "123456"}
UPDATED = HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED})


def posted(path: str, body: dict[str, Any]) -> HttpRequest:
    return HttpRequest("POST", path, body=body)


def refused(number: int, text: str) -> HttpResponse:
    return HttpResponse(400, {"code": number, "error": text})


def sending(title: str, purpose: Purpose, path: str) -> Case:
    body = {**NUMBER, "validate_token": "solved"}
    return Case(
        f"send a code: {title}",
        SendCode(purpose=purpose, phone=PHONE, validate_token="solved"),
        Result(),
        {"parse": UNSUPPORTED, "leancloud": Wire(posted(path, body), DONE)},
    )


def failing(title: str, code: Code, number: int, text: str) -> Case:
    return Case(
        f"send a code: {title}",
        SendCode(purpose=Purpose.LOG_IN, phone=PHONE),
        Failure(code),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(posted("/requestLoginSmsCode", {**NUMBER}), refused(number, text)),
        },
    )


CASES = without(
    "backendless",
    Case(
        "send a link: a new password",
        SendLink(purpose=Purpose.RESET_PASSWORD, email="tom@example.com"),
        Result(),
        {
            "parse": Wire(posted("/requestPasswordReset", {**EMAIL}), DONE),
            "leancloud": Wire(posted("/requestPasswordReset", {**EMAIL}), DONE),
        },
    ),
    Case(
        "send a link: an address to be verified",
        SendLink(purpose=Purpose.VERIFY_EMAIL, email="tom@example.com"),
        Result(),
        {
            "parse": Wire(posted("/verificationEmailRequest", {**EMAIL}), DONE),
            "leancloud": Wire(posted("/requestEmailVerify", {**EMAIL}), DONE),
        },
    ),
    Case(
        "send a link: an address that nobody has",
        SendLink(purpose=Purpose.RESET_PASSWORD, email="tom@example.com"),
        NOBODY,
        {
            "parse": Wire(posted("/requestPasswordReset", {**EMAIL}), DONE),
            "leancloud": Wire(
                posted("/requestPasswordReset", {**EMAIL}),
                refused(205, "A user with the specified email was not found."),
            ),
        },
    ),
    Case(
        "send a link: to no address",
        SendLink(purpose=Purpose.RESET_PASSWORD),
        Failure(Code.EMAIL_MISSING),
        {
            "parse": Wire(posted("/requestPasswordReset", {}), refused(204, "you must provide an email")),
            "leancloud": Wire(
                posted("/requestPasswordReset", {}), refused(204, "The email is missing, and must be specified.")
            ),
        },
    ),
    Case(
        "send a link: no mail server",
        SendLink(purpose=Purpose.VERIFY_EMAIL, email="tom@example.com"),
        Failure(Code.NOT_CONFIGURED, "no mail server is configured for this app"),
        {
            "parse": Wire(
                posted("/verificationEmailRequest", {**EMAIL}),
                HttpResponse(
                    500,
                    {
                        "code": 1,
                        "error": "An appName, publicServerURL, and emailAdapter are required for password reset and "
                        "email verification functionality.",
                    },
                ),
            ),
            "leancloud": Wire(
                posted("/requestEmailVerify", {**EMAIL}), refused(119, "no mail server is configured for this app")
            ),
        },
    ),
    Case(
        "log in: before the address is verified",
        LogIn(username="tom", password="secret"),
        Failure(Code.EMAIL_NOT_VERIFIED),
        {
            "parse": Wire(
                posted("/login", {"username": "tom", "password": "secret"}), refused(205, "User email is not verified.")
            ),
            "leancloud": Wire(
                posted("/login", {"username": "tom", "password": "secret"}),
                refused(216, "Email address isn't verified."),
            ),
            "backendless": Wire(
                posted("/users/login", {"login": "tom", "password": "secret"}),
                HttpResponse(400, {"code": 3087, "message": "refused"}),
            ),
        },
    ),
    # the links in the mails go to pages of the gateway, and not to a vendor's route
    Case(
        "verify an address",
        VerifyEmail(token="token"),
        Result(),
        {"parse": UNSUPPORTED, "leancloud": UNSUPPORTED},
    ),
    Case(
        "reset a password: by a link",
        ResetPassword(token="token", new_password="new"),
        Result(),
        {"parse": UNSUPPORTED, "leancloud": UNSUPPORTED},
    ),
    Case(
        "send a code: to confirm",
        SendCode(purpose=Purpose.CONFIRM, phone=PHONE),
        Result(),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted("/requestSmsCode", {**NUMBER}),
                DONE,
                (posted("/requestSmsCode", {**NUMBER, "smsType": "sms"}),),
            ),
        },
    ),
    Case(
        "send a code: by a template, as a call",
        SendCode(
            purpose=Purpose.CONFIRM,
            phone=PHONE,
            template="order",
            signature="Shop",
            variables={"name": "Shop", "op": "pay", "order": "17"},
            ttl_minutes=5,
            medium="voice",
        ),
        Result(),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted(
                    "/requestSmsCode",
                    {
                        **NUMBER,
                        "template": "order",
                        "sign": "Shop",
                        "ttl": 5,
                        "smsType": "voice",
                        "name": "Shop",
                        "op": "pay",
                        "order": "17",
                    },
                ),
                DONE,
                (
                    # the REST guide has the number of minutes as text
                    posted(
                        "/requestSmsCode",
                        {
                            **NUMBER,
                            "template": "order",
                            "sign": "Shop",
                            "ttl": "5",
                            "smsType": "voice",
                            "name": "Shop",
                            "op": "pay",
                            "order": 17,
                        },
                    ),
                ),
            ),
        },
    ),
    sending("to verify a number", Purpose.VERIFY_PHONE, "/requestMobilePhoneVerify"),
    sending("to log in", Purpose.LOG_IN, "/requestLoginSmsCode"),
    sending("for a new password", Purpose.RESET_PASSWORD, "/requestPasswordResetBySmsCode"),
    sending("for a new number", Purpose.CHANGE_PHONE, "/requestChangePhoneNumber"),
    failing("no number", Code.PHONE_MISSING, 212, "The mobile phone number is missing, and must be specified."),
    failing("not a number", Code.BAD_PHONE, 127, "The mobile phone number was invalid."),
    failing(
        "nobody's number", Code.PHONE_NOT_FOUND, 213, "A user with the specified mobile phone number was not found."
    ),
    failing("a number that is not verified", Code.PHONE_NOT_VERIFIED, 215, "Mobile phone number isn't verified."),
    failing("too often", Code.SENT_TOO_OFTEN, 601, "Can't send SMS too frequently."),
    failing("refused by the carrier", Code.SMS_NOT_SENT, 602, "refused"),
    Case(
        "check a code",
        CheckCode(code="123456", phone=PHONE),
        WRONG,
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted("/verifySmsCode/123456", {**NUMBER}),
                refused(603, "Invalid SMS code."),
                (HttpRequest("POST", "/verifySmsCode/123456", {"mobilePhoneNumber": PHONE}),),
            ),
        },
    ),
    Case(
        "verify a number",
        VerifyPhone(code="123456", phone=PHONE),
        Result(id=ID, updated_at=CHANGED_AT),
        {"parse": UNSUPPORTED, "leancloud": Wire(posted("/verifyMobilePhone/123456", {**NUMBER}), UPDATED)},
    ),
    Case(
        "reset a password: by a code",
        ResetPassword(code="123456", phone=PHONE, new_password="new"),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("PUT", "/resetPasswordBySmsCode/123456", body={**NUMBER, "password": "new"}), UPDATED
            ),
        },
    ),
    Case(
        "change a number",
        ChangePhone(code="123456", phone=PHONE),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(posted("/changePhoneNumber", {**NUMBER, "code": "123456"}), UPDATED),
        },
    ),
    Case(
        "log in: by a code",
        LogIn(phone=PHONE, sms_code="123456"),
        Result(session=TOKEN, object=user(**LEANCLOUD_FIELDS)),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted("/login", {**BY_CODE}),
                HttpResponse(200, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN}),
                (get("/login", mobilePhoneNumber=PHONE, smsCode="123456"),),
            ),
        },
    ),
    Case(
        "sign up: by a code",
        SignUp(changes={"mobilePhoneNumber": Set(PHONE), "nickname": Set("Tom")}, sms_code="123456"),
        Result(id=ID, session=TOKEN, object=user(**LEANCLOUD_FIELDS)),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted("/usersByMobilePhone", {**BY_CODE, "nickname": "Tom"}),
                HttpResponse(201, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN}, {"Location": f"/1.1/classes/_User/{ID}"}),
            ),
        },
    ),
    Case(
        "sign up: without a code where one has to be",
        SignUp(changes={"mobilePhoneNumber": Set(PHONE)}, sms_code=""),
        WRONG,
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(posted("/usersByMobilePhone", {**NUMBER}), refused(603, "Invalid SMS code.")),
        },
    ),
    Case(
        "a captcha",
        NewCaptcha(width=100, height=50),
        Result(token="tok", url="https://example.com/captcha.png"),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get("/requestCaptcha", width="100", height="50"),
                HttpResponse(200, {"captcha_token": "tok", "captcha_url": "https://example.com/captcha.png"}),
            ),
        },
    ),
    Case(
        "check a captcha",
        CheckCaptcha(token="tok", code="abcd"),
        Result(token="solved"),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                posted("/verifyCaptcha", {"captcha_token": "tok", "captcha_code": "abcd"}),
                HttpResponse(200, {"validate_token": "solved"}),
            ),
        },
    ),
)
