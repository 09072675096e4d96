"""FastCUT: CUT with the defaults of ``--CUT_mode FastCUT``: half of the passes, mirrored inputs."""

from argparse import ArgumentParser

from models.cut_model import CUTModel, add_flags


class FastCUTModel(CUTModel):
    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        return add_flags(parser, is_train, mode="FastCUT")
